"""What `dstream providers new` makes keeps the contract, and passes its own tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.cli.marketplace.scaffold import Names, make

if TYPE_CHECKING:
    from orchestrator.config.model import Role

DSTREAM = Path(sys.executable).with_name("dstream")


@pytest.mark.parametrize("kind", ["input", "output"])
def test_a_new_provider_without_the_sdk_keeps_the_contract(kind: Role, tmp_path: Path) -> None:
    make(Names.of("my-orders"), kind, "dockerfile", tmp_path / "made")
    done = subprocess.run(
        [DSTREAM, "providers", "test", "./made"], cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_new_output_in_python_passes_its_own_tests(tmp_path: Path) -> None:
    # As an input does among the images, where it also builds and publishes.
    make(Names.of("my-orders"), "output", "python", tmp_path / "made")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--quiet", "-p", "no:cacheprovider", "-W", "error"],
        cwd=tmp_path / "made", capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
