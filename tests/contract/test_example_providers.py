"""The example providers in other languages keep the contract: the commands of their README, as they stand there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "providers"
BLOCKS = re.findall(r"```sh\n(.*?)```", (EXAMPLES / "README.md").read_text(), re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The examples, in a place of their own: what is built and written stays out of the repository."""
    unbuilt = shutil.ignore_patterns("bin", "obj", ".dstream", "*.jsonl")
    return shutil.copytree(EXAMPLES, tmp_path / "providers", ignore=unbuilt)


def follow(commands: str, folder: Path) -> dict[str, str]:
    """What each command said, all of them having gone well."""
    environ = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "CGO_ENABLED": "0",  # with `-trimpath`, as Pulumi's engine is built: the standard library is compiled once
    }
    said = {}
    for command in commands.splitlines():
        done = subprocess.run(
            ["bash", "-c", command], cwd=folder, env=environ, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        said[command] = done.stdout + done.stderr
        assert done.returncode == 0, f"{command}\n{said[command]}"
    return said


def test_providers_in_shell_go_and_node_keep_the_contract_and_run(folder: Path) -> None:
    (commands,) = (block for block in BLOCKS if "dotnet" not in block)
    said = follow(commands, folder)
    reports = [text for command, text in said.items() if "providers test" in command]
    assert len(reports) == 3
    assert all(", 0 broken, " in report for report in reports)
    assert "5 emitted = 5 relayed = 5 acknowledged" in said["dstream run shell-to-node"]
    assert "at-least-once" in said["dstream run go-to-node"]
    read = [json.loads(line)["data"]["line"] for line in (folder / "lines.jsonl").read_text().splitlines()]
    assert read == (folder / "go" / "main.go").read_text().splitlines()


if shutil.which("dotnet"):  # which Debian does not have

    def test_the_provider_in_csharp_keeps_the_contract(folder: Path) -> None:
        (commands,) = (block for block in BLOCKS if "dotnet" in block)
        assert ", 0 broken, " in "".join(follow(commands, folder).values())
