"""The import contracts of pyproject.toml are alive: each is broken once, in a copy of the sources."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from tests.repo.tracked import REPOSITORY, text

if TYPE_CHECKING:
    from collections.abc import Mapping

LINTER = Path(sys.executable).with_name("lint-imports")

# One file per contract that breaks it.
TRESPASSERS = {
    "Imports go one way through the orchestrator": (
        "orchestrator/relay/trespasser.py",
        "import orchestrator.pipeline.run",
    ),
    "Only the command line chooses a runtime": (
        "orchestrator/pipeline/trespasser.py",
        "import orchestrator.runtime.docker",
    ),
    "Below the command line a project is known by its model": (
        "orchestrator/state/trespasser.py",
        "import orchestrator.config.hcl",
    ),
    "hcl2 is imported in config/hcl.py alone": ("orchestrator/config/trespasser.py", "import hcl2"),
    "jinja2 is imported in cli/marketplace/site/rendering.py alone": (
        "orchestrator/cli/marketplace/site/trespasser.py",
        "import jinja2",
    ),
    "docker is imported in runtime/docker.py and registry/pull.py alone": (
        "orchestrator/state/trespasser_too.py",
        "import docker",
    ),
    "What monitoring takes is imported in metrics/ alone": (
        "orchestrator/systemd/trespasser.py",
        "import prometheus_client",
    ),
    "oras is imported in registry/wire/connection.py alone": ("orchestrator/registry/trespasser.py", "import oras"),
    "azure is imported in state/blobs.py alone": (
        "orchestrator/state/trespasser_three.py",
        "import azure.storage.blob",
    ),
    "sigstore is imported in registry/trust/identities.py alone": (
        "orchestrator/registry/trespasser_too.py",
        "import sigstore",
    ),
    "typer and rich are imported in cli/ alone": ("orchestrator/runtime/trespasser.py", "import rich"),
    "The orchestrator knows the SDK by its protocol": (
        "orchestrator/relay/trespasser_too.py",
        "import dstream_sdk.provider",
    ),
    "The SDK never imports the orchestrator or its libraries": (
        "sdk/dstream_sdk/trespasser.py",
        "import orchestrator.errors",
    ),
}


def verdicts(root: Path) -> Mapping[str, str]:
    """Contract → KEPT or BROKEN, for the sources under `root`."""
    done = subprocess.run(
        [LINTER, "--no-cache"],
        cwd=root,
        env={"PYTHONPATH": f"{root}:{root / 'sdk'}", "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return dict(re.findall(r"^(.*\S) (KEPT|BROKEN)", done.stdout, re.MULTILINE))


def test_each_contract_catches_its_trespasser(tmp_path: Path) -> None:
    for folder in ("orchestrator", "sdk/dstream_sdk"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    for file, line in TRESPASSERS.values():
        (tmp_path / file).write_text(line + "\n")
    assert verdicts(tmp_path) == dict.fromkeys(TRESPASSERS, "BROKEN")


def test_each_contract_has_a_trespasser() -> None:
    contracts = tomllib.loads(text(REPOSITORY / "pyproject.toml"))["tool"]["importlinter"]["contracts"]
    assert {contract["name"] for contract in contracts} == set(TRESPASSERS)
