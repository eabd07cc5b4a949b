"""`dstream providers test` on local programs: a readable report, and one for programs."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Project

ROOT = Path(__file__).parents[2]
QUICK = "unknown_command_is_refused"


def program(project: Project, fake: str) -> str:
    """One of tests/fakes/contract as a program of the project's folder."""
    path = project.folder / fake
    source = shlex.quote(str(ROOT / "tests" / "fakes" / "contract" / f"{fake}.py"))
    path.write_text(f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} {source}\n")
    path.chmod(0o755)
    return f"./{fake}"


def test_a_provider_that_keeps_a_promise_passes(project: Project) -> None:
    done = project.run("providers", "test", program(project, "plain_input"), "--only", QUICK)
    assert done.code == 0, done.stderr
    heading, result, summary = done.stdout.splitlines()
    assert heading.startswith("plain-input")
    assert result.startswith(f"ok   {QUICK}: ")
    assert summary.startswith("1 kept, 0 broken, 0 not claimed")


def test_a_broken_promise_is_shown_with_what_was_seen_and_fails(project: Project) -> None:
    done = project.run(
        "providers", "test", program(project, "runs_anything"), "--only", QUICK, "--junit", "report.xml",
    )  # fmt: skip
    assert done.code == 1
    assert f"FAIL {QUICK}: " in done.stdout
    assert "the handshake says ready" in done.stdout
    suite = ElementTree.parse(project.folder / "report.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    failure = suite.find(f"testcase[@name='{QUICK}']/failure")
    assert failure is not None
    assert failure.get("message") == "the handshake says ready"


def test_an_announcement_of_any_size_is_held_against_the_contract(project: Project) -> None:
    """More than the 128 KiB that Linux takes as one argument of a command."""
    provider = program(project, "plain_input")
    (project.folder / "provider.json").write_text(json.dumps({"name": "plain-input", "description": "x" * 200_000}))
    done = project.run("providers", "test", provider, "--only", "announces_what_it_describes")
    assert done.code == 1, done.stderr
    assert "FAIL announces_what_it_describes" in done.stdout


def test_json_is_one_object_with_every_result(project: Project) -> None:
    done = project.run("providers", "test", program(project, "plain_output"), "--only", QUICK, "--json")
    (event,) = done.events
    assert (event["event"], event["provider"], event["role"], event["passed"]) == (
        "contract", "plain-output", "output", True,
    )  # fmt: skip
    assert [result["name"] for result in event["results"]] == [QUICK]


def test_a_program_that_cannot_be_described_is_one_failed_promise(project: Project) -> None:
    path = project.folder / "mute"
    path.write_text("#!/bin/sh\necho out of order >&2\n")
    path.chmod(0o755)
    done = project.run("providers", "test", "./mute", "--junit", "report.xml")
    assert done.code == 1
    assert "FAIL describes_itself" in done.stdout
    assert "out of order" in done.stdout
    assert ElementTree.parse(project.folder / "report.xml").getroot().get("failures") == "1"


def test_a_provider_json_that_says_something_else_is_a_broken_promise(project: Project) -> None:
    name = program(project, "plain_input")
    said = {"name": "plain-input", "role": "input", "protocol": 1, "version": "9.9.9"}
    (project.folder / "provider.json").write_text(json.dumps(said))
    done = project.run("providers", "test", name, "--only", "announces_what_it_describes")
    assert done.code == 1
    assert "differ in ['version', 'capabilities'" in done.stdout


def test_a_config_may_come_from_a_file(project: Project) -> None:
    (project.folder / "config.json").write_text(json.dumps({"count": "many"}))
    done = project.run(
        "providers", "test", program(project, "plain_input"),
        "--with", "@config.json", "--only", "eof_cancels",
    )  # fmt: skip
    assert done.code == 1
    assert "`count` must be int" in done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["./missing"], "there is no program `missing`"),
        (["."], "there is no program `provider`"),
        (["./plain_input", "--with", "{"], "`--with` is not JSON"),
        (["./plain_input", "--with", "[]"], "`--with` is not a JSON object"),
        (["./plain_input", "--with", "@missing.json"], "`missing.json` cannot be read"),
        (["plain_input"], "write `./plain_input` for the program, or `plain_input:latest` for the image"),
    ],
)
def test_a_wrong_command_line_is_refused_before_anything_starts(
    project: Project, options: list[str], said: str
) -> None:
    program(project, "plain_input")
    done = project.run("providers", "test", *options)
    assert (done.code, done.stdout) == (3, "")
    assert said in done.stderr


def test_a_check_that_does_not_exist_is_refused_instead_of_passing(project: Project) -> None:
    done = project.execute("providers", "test", program(project, "plain_input"), "--only", "no_such_check")
    assert done.code == 3
    assert "no_such_check" in done.stderr


def test_without_an_engine_an_image_is_an_error_of_the_environment(project: Project) -> None:
    done = project.run("providers", "test", "registry.test/orders:v1")
    assert done.code == 4
    assert "engine.absent" in done.stderr


def test_a_signal_ends_the_suite_and_the_provider(project: Project) -> None:
    """The provider says when it has started, into a pipe that closes once nobody is left who holds it."""
    path = project.folder / "stuck"
    path.write_text("#!/bin/sh\nexec 3> alive\necho started >&3\nexec sleep 600\n")
    path.chmod(0o755)
    alive = project.folder / "alive"
    os.mkfifo(alive)
    with project.started("providers", "test", "./stuck") as process, alive.open() as pipe:
        assert pipe.readline() == "started\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 128 + signal.SIGTERM
        assert pipe.read() == ""  # returns at the end alone: nobody holds it any more
