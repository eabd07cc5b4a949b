"""What is wrong with a host is found, each with its remedy, and what is not wrong does not count."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.errors import EXIT_CONFIG, EXIT_DONE, EXIT_ENVIRONMENT
from orchestrator.state.lock import Locks
from orchestrator.state.sqlite import MIGRATIONS, SqliteState
from orchestrator.state.store import DeadLetter
from tests.cli.test_terminal import on_a_terminal
from tests.streams import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Project

CHECKS = ["versions", "tasks", "engine", "start", "registries", "disk", "clock", "state", "locks", "leftovers", "sizes"]


@pytest.fixture
def here(project: Project) -> Project:
    """A project that names no registry, on a host without an engine."""
    project.environ["DSTREAM_CATALOGS"] = "[]"
    return project


def findings(project: Project, check: str, *, code: int) -> list[dict[str, Any]]:
    """What the check found that is not ok; the command exits with `code`."""
    done = project.run("doctor", "--json")
    *found, summary = done.events
    assert (done.code, bool(summary["failed"])) == (code, code == EXIT_ENVIRONMENT)
    return [one for one in found if one["check"] == check and one["severity"] != "ok"]


def store(project: Project) -> Path:
    """The state of a project whose task has run."""
    path = project.folder / ".dstream" / "state.db"
    with contextlib.closing(SqliteState(path)) as state:
        claim = state.claim("orders", "R1", ["path"])
        state.commit(claim, None, [DeadLetter(1, "bad", "", b"{}" * 500)] * 50)
        state.finish(claim, "ended", {}, delivery="at-least-once")
    return path


def test_a_host_in_good_health_has_every_check_and_no_fault(here: Project) -> None:
    here.task()
    done = here.run("doctor")
    assert done.code == EXIT_DONE, done.stdout
    checked = [line.split()[1].removesuffix(":") for line in done.stdout.splitlines() if line.startswith("ok ")]
    assert list(dict.fromkeys(checked)) == CHECKS[:-1]  # nothing has gathered yet
    assert done.stdout.splitlines()[-1].endswith(" ok, 0 warnings, 0 failed")
    assert not (here.folder / ".dstream").exists()
    assert here.run("doctor", "--quiet").stdout == ""


def test_without_a_file_the_host_is_looked_at_and_its_engine_missed(here: Project) -> None:
    done = here.run("doctor")
    assert done.code == EXIT_ENVIRONMENT
    assert f"failed  engine: no Docker Engine: there is no socket at `{here.environ['DOCKER_HOST']}`" in done.stdout
    assert "\n        start or install a Docker Engine" in done.stdout
    assert "no dstream.hcl here" in done.stdout


def test_an_engine_is_missed_where_a_task_names_an_image(here: Project) -> None:
    here.task()
    here.write(here.file.read_text().replace("provider_path", "provider_image").replace(f'"{_path(here)}"', '"a/b:v1"'))
    here.environ["DSTREAM_PULL"] = "never"
    (found,) = findings(here, "engine", code=EXIT_ENVIRONMENT)
    assert "DOCKER_HOST" in found["remedy"]


def _path(project: Project) -> str:
    return project.file.read_text().split('"')[3]


def test_a_file_that_is_wrong_is_a_finding_and_keeps_nothing_else_from_being_looked_at(here: Project) -> None:
    here.write('task "orders" {\n  inputs {}\n}\n')
    found = findings(here, "tasks", code=EXIT_ENVIRONMENT)
    assert found[0]["where"] == "dstream.hcl:2"
    assert here.run("doctor", "-c", "nowhere.hcl").code == EXIT_ENVIRONMENT


def test_a_variable_that_is_not_set_here_is_a_warning(here: Project) -> None:
    here.task(config='password = env("TEST_PASSWORD")')
    (found,) = findings(here, "tasks", code=EXIT_DONE)
    assert (found["severity"], "TEST_PASSWORD" in found["what"]) == ("warning", True)


def test_settings_that_are_wrong_are_the_configurations_fault(here: Project) -> None:
    here.environ["DSTREAM_PULL"] = "sometimes"
    assert here.run("doctor").code == EXIT_CONFIG


def test_a_damaged_state_says_how_to_get_another(here: Project) -> None:
    here.task()
    path = store(here)
    path.write_bytes(path.read_bytes()[:-4096] + bytes(4096))
    (found,) = findings(here, "state", code=EXIT_ENVIRONMENT)
    assert found["what"].startswith("the state is damaged: ")
    assert found["where"] == str(path)
    assert "state import" in found["remedy"]
    path.write_bytes(b"no database" * 1000)
    (found,) = findings(here, "state", code=EXIT_ENVIRONMENT)
    assert "not a database" in found["what"]


def test_the_state_of_a_newer_dstream_is_told_apart(here: Project) -> None:
    here.task()
    with contextlib.closing(sqlite3.connect(store(here))) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    (found,) = findings(here, "state", code=EXIT_ENVIRONMENT)
    assert "newer dstream" in found["what"]


def test_a_state_folder_that_takes_nothing_is_told(here: Project) -> None:
    here.task()
    (here.folder / ".dstream").write_text("a file is in the way")
    (found,) = findings(here, "state", code=EXIT_ENVIRONMENT)
    assert found["where"] == str(here.folder / ".dstream")


def test_who_runs_a_task_is_told_and_a_killed_run_with_what_cleans_up(here: Project) -> None:
    here.task(config="interval = 0.01")
    locks = Locks(here.folder / ".dstream")
    with here.started("run", "orders", "--quiet") as run:
        until(lambda: locks.running("orders"), "the run holds its lock")
        done = here.run("doctor")
        assert f"ok      locks: task `orders` is held by process {run.pid} on " in done.stdout
        assert done.code == EXIT_DONE
        until(lambda: list((here.folder / ".dstream" / "processes").glob("*.json")), "its providers run")
        run.send_signal(signal.SIGKILL)
    (found,) = findings(here, "locks", code=EXIT_DONE)
    assert "of task `orders` was killed" in found["what"]
    assert "dstream run orders" in found["remedy"]


def test_progress_shows_on_a_terminal_and_leaves_no_trace(here: Project) -> None:
    here.task()
    shown = on_a_terminal(here, "doctor")
    assert "looking at engine …" in shown
    for line in shown.split("\n"):
        assert "looking at" not in line.rpartition("\x1b[2K")[2]
