"""What a task resumes from, taken out, put back and forgotten: never another's, and never without a backup."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.errors import EXIT_CONFIG, EXIT_DONE, EXIT_ENVIRONMENT, EXIT_FAILED
from orchestrator.state.exported import Exported
from orchestrator.state.lock import Locks
from orchestrator.state.sqlite import SqliteState
from orchestrator.state.store import Checkpoint, Identity
from tests.cli.test_failures import error_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Project


@contextlib.contextmanager
def store(project: Project) -> Iterator[SqliteState]:
    with contextlib.closing(SqliteState(project.folder / ".dstream" / "state.db")) as state:
        yield state


def checkpoint(project: Project, number: int = 5) -> Checkpoint:
    """One that the task's input can resume from."""
    path = project.file.read_text().split('"')[3]
    return Checkpoint(Identity("orders", path, path, 1), "R1", number, number, b'{"number": %d}' % number, 1.25)


def resumes_from(project: Project) -> Checkpoint | None:
    with store(project) as state:
        return state.checkpoint("orders")


@pytest.fixture
def ran(project: Project) -> Project:
    """A task whose last run stored checkpoint 5."""
    project.task(config="count = 7")
    with store(project) as state:
        claim = state.claim("orders", "R1", ["path"])
        state.commit(claim, checkpoint(project))
        state.finish(claim, "ended", {}, delivery="at-least-once")
    return project


def written(project: Project, point: Checkpoint) -> str:
    """A file of `export` with this checkpoint."""
    file = project.folder / "exported.json"
    file.write_bytes(Exported.of(point).encode())
    return str(file)


def test_a_reset_is_undone_by_its_backup_and_the_next_run_resumes_exactly_there(ran: Project) -> None:
    reset = ran.run("state", "reset", "orders", "--yes")
    assert resumes_from(ran) is None
    undo = reset.stdout.splitlines()[1].removeprefix("  to undo it: dstream ").split()
    backup = Path(undo[-1])
    assert (backup.parent, backup.stat().st_mode & 0o777) == (ran.folder / ".dstream" / "backups", 0o600)

    assert ran.run(*undo, "--yes").code == EXIT_DONE
    assert resumes_from(ran) == checkpoint(ran)
    with store(ran) as state:
        assert state.open_runs() == []
    again = ran.run("run", "orders")
    assert again.stdout == "value 6\nvalue 7\n"
    assert "resumed from checkpoint 5" in again.stderr


def test_an_import_keeps_what_it_replaces(ran: Project) -> None:
    done = ran.run("--json", "state", "import", "orders", written(ran, checkpoint(ran, 7)), "--yes").events[0]
    assert (done["event"], done["checkpoint"], done["before"]) == ("import", 7, 5)
    assert resumes_from(ran) == checkpoint(ran, 7)
    assert ran.run("state", "import", "orders", done["backup"], "--yes").code == EXIT_DONE
    assert resumes_from(ran) == checkpoint(ran)
    assert "  backups: 2, the newest is " in ran.run("state", "show", "orders").stdout


def test_an_export_is_a_file_for_its_owner_alone_and_replaces_one_that_was_not(ran: Project) -> None:
    file = ran.folder / "five.json"
    file.touch(0o644)
    told = ran.run("state", "export", "orders", "--out", str(file)).stdout
    assert told == f"wrote checkpoint 5 of orders to {file}\n"
    assert file.stat().st_mode & 0o777 == 0o600
    exported = json.loads(file.read_text())
    point = exported["checkpoint"]
    assert (exported["task"], point["run_id"], point["saved_at"]) == ("orders", "R1", 1.25)
    assert point["state"] == {"number": 5}
    assert exported["exported_at"] <= time.time()


def test_what_one_host_exports_another_imports_by_its_stdin(ran: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    exported = ran.run("state", "export", "orders").stdout
    with store(ran) as state:
        state.reset(state.claim("orders", "R2"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(exported.encode())))
    done = ran.run("state", "import", "orders", "-", "--yes")
    assert (done.code, done.stderr) == (EXIT_DONE, "")
    assert done.stdout.startswith("orders will resume from checkpoint 5 of run ")
    assert resumes_from(ran) == checkpoint(ran)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"task": "customers"}, "add `--was customers`"),
        ({"source": "/elsewhere/mssql"}, "from `/elsewhere/mssql`"),
        ({"provider": "mysql-cdc"}, "holds the state of `mysql-cdc`"),
        ({"state_version": 2}, "(state version 2)"),
    ],
)
def test_the_state_of_another_input_is_refused_with_the_way_out(
    ran: Project, changes: dict[str, Any], said: str
) -> None:
    mine = checkpoint(ran)
    theirs = replace(mine, identity=replace(mine.identity, **changes))
    done = ran.run("state", "import", "orders", written(ran, theirs), "--yes")
    assert (done.code, error_of(done)) == (EXIT_CONFIG, "state.identity")
    assert said in done.stderr
    assert "hint: " in done.stderr
    assert resumes_from(ran) == mine
    assert not (ran.folder / ".dstream" / "backups").exists()


def test_a_task_that_was_renamed_takes_its_state_along(ran: Project) -> None:
    file = written(ran, checkpoint(ran))
    ran.write(ran.file.read_text().replace('task "orders"', 'task "shop"'))
    assert ran.run("state", "import", "shop", file, "--was", "orders", "--yes").code == EXIT_DONE
    again = ran.run("run", "shop")
    assert again.stdout == "value 6\nvalue 7\n"
    assert "resumed from checkpoint 5" in again.stderr


def test_nothing_is_changed_of_a_task_that_is_being_run(ran: Project) -> None:
    file = written(ran, checkpoint(ran, 7))
    with Locks(ran.folder / ".dstream").acquire("orders", "R9"):
        for change in (["reset", "orders"], ["import", "orders", file]):
            done = ran.run("state", *change, "--yes")
            assert (done.code, error_of(done)) == (EXIT_FAILED, "task.running")
        assert ran.run("state", "export", "orders").code == EXIT_DONE
    assert resumes_from(ran) == checkpoint(ran)


def test_what_has_no_backup_is_not_changed(ran: Project) -> None:
    (ran.folder / ".dstream" / "backups").write_text("a file is in the way")
    done = ran.run("state", "reset", "orders", "--yes")
    assert (done.code, error_of(done)) == (EXIT_ENVIRONMENT, "state.unwritable")
    assert resumes_from(ran) == checkpoint(ran)


def test_nothing_is_imported_unless_somebody_says_yes(ran: Project) -> None:
    done = ran.run("state", "import", "orders", written(ran, checkpoint(ran, 7)))
    assert (done.code, error_of(done)) == (EXIT_CONFIG, "usage")
    assert resumes_from(ran) == checkpoint(ran)


def test_a_file_that_is_not_there_and_a_task_without_state_are_told(project: Project) -> None:
    project.task(config="count = 5")
    missing = project.run("state", "import", "orders", "nowhere.json", "--yes")
    assert (missing.code, error_of(missing)) == (EXIT_CONFIG, "state.document")
    done = project.run("state", "export", "orders")
    assert (done.code, error_of(done), done.stdout) == (EXIT_FAILED, "state.none", "")
