"""The commands that the documents tell people to type, and the files that they are given."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.config import load_project
from tests.repo.tracked import REPOSITORY, files, name, text

DSTREAM = Path(sys.executable).with_name("dstream")
EXAMPLES = [path for path in files("*.hcl") if path.is_relative_to(REPOSITORY / "examples")]


def test_every_dstream_command_in_the_documents_is_one() -> None:
    words = {
        word
        for page in files("*.md")
        for block in re.findall(r"```sh\n(.*?)```", text(page), re.DOTALL)
        for word in re.findall(r"^(?:\$ )?(?:\S*/)?dstream(?: --config \S+)? ([a-z][a-z-]*)", block, re.MULTILINE)
    }
    assert words
    for word in sorted(words):
        done = subprocess.run([DSTREAM, word, "--help"], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"dstream {word}: {done.stderr}"


@pytest.mark.parametrize("example", EXAMPLES, ids=name)
def test_examples_are_valid(example: Path) -> None:
    project = load_project(example, environ={})
    assert project.tasks


@pytest.mark.parametrize("script", ["engine", "registry", "build-image"])
def test_a_script_without_arguments_says_how_it_is_used(script: str) -> None:
    done = subprocess.run([REPOSITORY / "scripts" / script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith("Usage: ")


@pytest.mark.parametrize("script", [path for path in files("scripts/*") if path.name != "lib.sh"], ids=name)
def test_every_script_explains_itself_and_does_nothing_when_asked_for_help(script: Path) -> None:
    done = subprocess.run([script, "--help"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: scripts/{script.name}")
    wrong = subprocess.run([script, "--nonsense"], capture_output=True, text=True, timeout=60, check=False)
    assert (wrong.returncode, wrong.stdout) == (3, "")
