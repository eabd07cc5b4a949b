"""The command itself: help, version, completion, and what it costs to start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import EXIT_CONFIG, EXIT_DONE

if TYPE_CHECKING:
    from tests.cli.conftest import Project

VERBS = [
    ["run"], ["snapshot"], ["check"], ["discover"], ["validate"], ["doctor"], ["version"],
    ["state"], ["state", "show"], ["state", "export"], ["state", "import"], ["state", "reset"],
]  # fmt: skip
HEAVY = ("docker", "hcl2", "lark", "pydantic", "requests", "rich", "structlog", "oras", "msgspec", "sqlite3", "asyncio")


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_has_help(project: Project, verb: list[str]) -> None:
    done = project.run(*verb, "--help")
    assert (done.code, done.stderr) == (EXIT_DONE, "")
    assert done.stdout.startswith(f"Usage: dstream {' '.join(verb)}")


def test_the_command_starts_without_loading_what_only_verbs_need() -> None:
    script = f"import sys, orchestrator.cli.main; print([name for name in {HEAVY!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_version_is_that_of_the_repository(project: Project) -> None:
    version = Path(__file__).parents[2].joinpath("VERSION.txt").read_text().strip()
    assert project.run("version").stdout == f"dstream {version} (protocol 1)\n"
    assert project.run("version", "--json").events[0]["version"] == version
    assert project.run("--version").stdout == project.run("version").stdout
    assert project.run("--json", "--version").events[0]["version"] == version


def test_validate_reads_every_task(project: Project) -> None:
    project.task("a")
    project.task("b")
    done = project.run("validate")
    assert (done.code, done.stdout) == (EXIT_DONE, "dstream.hcl is valid: 2 tasks: `a`, `b`\n")
    (event,) = project.run("validate", "--json").events
    assert (event["event"], event["file"], event["tasks"]) == ("valid", str(project.file), ["a", "b"])
    assert not (project.folder / ".dstream").exists()

    project.write(project.file.read_text() + 'task "c" {\n  input { provider_image = "Ghcr.io/Not Valid" }\n}\n')
    wrong = project.run("validate")
    assert wrong.code == EXIT_CONFIG
    assert "dstream.hcl:" in wrong.stderr


def test_a_shell_completes_the_names_of_tasks(project: Project) -> None:
    project.task("orders")
    project.task("orders-to-asb")
    project.task("customers")
    for words, expected in (("dstream run o", ["orders", "orders-to-asb"]), ("dstream state show c", ["customers"])):
        project.environ |= {
            "_DSTREAM_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")),
        }  # fmt: skip
        assert project.execute().stdout.split() == expected
