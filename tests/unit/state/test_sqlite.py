"""What the embedded store keeps, and from whom."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.errors import UnavailableError
from orchestrator.state.sqlite import MIGRATIONS, SqliteState
from orchestrator.state.store import Checkpoint, DeadLetter, Identity, StoredLetter

IDENTITY = Identity("orders", "ghcr.io/katasec/mssql-cdc-provider", "mssql-cdc-provider", 1, ("Orders",))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".dstream" / "state.db"


def point(number: int, state: bytes = b'{"lsn":"00"}') -> Checkpoint:
    return Checkpoint(IDENTITY, "RUN", number, number * 10, state, 1.5)


def test_a_checkpoint_comes_back_as_it_was_stored(path: Path) -> None:
    state = SqliteState(path)
    claim = state.claim("orders", "R1")
    state.commit(claim, point(1))
    state.commit(claim, point(2, b'{"n":9007199254740993.0}'))
    state.close()
    assert SqliteState(path).checkpoint("orders") == point(2, b'{"n":9007199254740993.0}')


def test_nobody_else_may_read_any_file_of_the_store(path: Path) -> None:
    path.parent.mkdir(mode=0o755)
    state = SqliteState(path)
    state.claim("orders", "R1")
    assert {file.name: file.stat().st_mode & 0o077 for file in path.parent.iterdir()} == {
        "state.db": 0,
        "state.db-shm": 0,
        "state.db-wal": 0,
    }


def test_a_task_without_checkpoint_has_none(path: Path) -> None:
    assert SqliteState(path).checkpoint("orders") is None


def test_dead_letters_are_stored_with_the_checkpoint_behind_them(path: Path) -> None:
    state = SqliteState(path)
    state.commit(state.claim("orders", "R1"), point(1), [DeadLetter(3, "too_large", "why", b"\xff", raw=True)])
    assert state.dead_letters("orders") == 1
    assert state.dead_letters("other") == 0


def test_letters_come_back_in_order_page_by_page_as_they_were_stored(path: Path) -> None:
    state = SqliteState(path)
    claim = state.claim("orders", "R1")
    letters = [DeadLetter(n, "bad", "why", bytes([n]), raw=True) for n in range(1, 6)]
    state.commit(claim, None, letters[:2])
    state.commit(state.claim("others", "R9"), None, letters)
    state.commit(claim, point(1), letters[2:])
    first = state.letters("orders", limit=3)
    rest = state.letters("orders", after=first[-1].id, limit=3)
    assert [one.letter for one in (*first, *rest)] == letters
    assert {one.run_id for one in first} == {"R1"}


def test_dropped_letters_are_gone_and_no_later_one_gets_their_id(path: Path) -> None:
    state = SqliteState(path)
    claim = state.claim("orders", "R1")
    state.commit(claim, None, [DeadLetter(n, "bad", "", b"{}") for n in (1, 2)])
    one, two = state.letters("orders")
    state.change_letters(claim, [two.id, 99], {one.id: ("worse", "again")})
    state.commit(claim, None, [DeadLetter(3, "bad", "", b"{}")])
    kept, new = state.letters("orders")
    assert (kept.id, kept.letter) == (one.id, DeadLetter(1, "worse", "again", b"{}"))
    assert new.id > two.id


def test_letters_of_another_task_are_never_dropped(path: Path) -> None:
    state = SqliteState(path)
    state.commit(state.claim("orders", "R1"), None, [DeadLetter(1, "bad", "", b"{}")])
    state.change_letters(state.claim("others", "R2"), [one.id for one in state.letters("orders")])
    assert state.dead_letters("orders") == 1


def test_the_store_remembers_how_far_letters_were_passed_on(path: Path) -> None:
    state = SqliteState(path)
    claim = state.claim("orders", "R1")
    assert state.passed_on("orders") == 0
    state.pass_on(claim, 7)
    assert SqliteState(path).passed_on("orders") == 7


def test_a_newer_claim_voids_every_write_of_the_older(path: Path) -> None:
    state = SqliteState(path)
    older = state.claim("orders", "R1")
    state.commit(older, point(1))
    newer = SqliteState(path).claim("orders", "R2")
    writes: list[Callable[[], None]] = [
        lambda: state.commit(older, point(2)),
        lambda: state.finish(older, "ended", {}, delivery="best-effort"),
        lambda: state.reset(older),
        lambda: state.change_letters(older, [1]),
        lambda: state.pass_on(older, 1),
    ]
    for write in writes:
        with pytest.raises(UnavailableError, match="state.fenced"):
            write()
    assert state.checkpoint("orders") == point(1)
    state.commit(newer, point(3))


def test_claims_of_different_tasks_do_not_touch_each_other(path: Path) -> None:
    state = SqliteState(path)
    one, _two = state.claim("one", "R1"), state.claim("two", "R2")
    state.commit(one, point(1))


def test_runs_that_were_killed_stay_open_until_they_are_abandoned(path: Path) -> None:
    state = SqliteState(path)
    claim = state.claim("orders", "R1", ["image", "path"])
    state.claim("other", "R2")
    state.finish(claim, "ended", {}, delivery="at-least-once")
    assert [run.run_id for run in state.open_runs()] == ["R2"]
    state.abandon("R2")
    assert state.open_runs() == []


def test_reset_forgets_the_checkpoint_and_keeps_the_dead_letters(path: Path) -> None:
    state = SqliteState(path)
    claim = state.claim("orders", "R1")
    state.commit(claim, point(1), [DeadLetter(1, "bad", "", b"{}")])
    state.reset(claim)
    assert (state.checkpoint("orders"), state.dead_letters("orders")) == (None, 1)


def test_the_project_id_is_made_once(path: Path) -> None:
    assert SqliteState(path).project == SqliteState(path).project


def test_the_state_is_private(path: Path) -> None:
    SqliteState(path)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_newer_schema_is_refused(path: Path) -> None:
    SqliteState(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(UnavailableError, match="state.newer"):
        SqliteState(path)


def test_a_damaged_file_is_an_error_with_its_name(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(UnavailableError) as refused:
        SqliteState(path)
    assert refused.value.code == "state.unavailable"
    assert refused.value.where.file == str(path)


def test_a_full_disk_is_an_error_and_moves_nothing(path: Path) -> None:
    state = SqliteState(path)
    claim = state.claim("orders", "R1")
    state.commit(claim, point(1))
    pages = state._db.execute("PRAGMA page_count").fetchone()[0]
    state._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(UnavailableError, match="state.unavailable"):
        state.commit(claim, point(2, b'"' + b"s" * 1_000_000 + b'"'))
    assert state.checkpoint("orders") == point(1)
    state._db.execute("PRAGMA max_page_count = 100000")
    state.commit(claim, point(3))


def test_two_processes_may_make_the_store_at_once(path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from orchestrator.state.sqlite import MIGRATIONS, SqliteState;"
        "print(SqliteState(Path(sys.argv[1])).project)"
    )
    makers = [
        subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True) for _ in range(6)
    ]
    projects = {maker.communicate(timeout=60)[0] for maker in makers}
    assert [maker.returncode for maker in makers] == [0] * 6
    assert len(projects) == 1


def test_the_last_run_is_the_newest_that_was_one(tmp_path: Path) -> None:
    state = SqliteState(tmp_path / "state.db")
    assert state.last_run("orders") is None
    first = state.claim("orders", "R1", ["image"], {"input": "sha256:aa"})
    state.finish(first, "failed", {"emitted": 3, "relayed": 2}, delivery="best-effort", error="it broke")
    state.claim("orders", "R2")  # work on its infrastructure
    state.claim("others", "R3", ["path"])
    last = state.last_run("orders")
    assert last is not None
    assert (last.run_id, last.outcome, last.error, last.contents) == (
        "R1",
        "failed",
        "it broke",
        {"input": "sha256:aa"},
    )
    assert (last.figures["emitted"], last.figures["bytes"]) == (3, None)
    assert last.ended_at is not None
    assert last.ended_at >= last.started_at
    running = state.claim("orders", "R4", ["path"])
    again = state.last_run("orders")
    assert again is not None
    assert (again.run_id, again.ended_at) == (running.run_id, None)
    state.close()


def test_a_store_of_before_goes_on_with_what_it_knows(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript(MIGRATIONS[0])
        db.execute("INSERT INTO meta VALUES ('project', 'abc')")
        db.execute(
            "INSERT INTO runs (run_id, task, epoch, kinds, started_at, outcome)"
            " VALUES ('R1', 'orders', 1, 'path', 5.0, 'ended')"
        )
        db.execute("INSERT INTO tasks VALUES ('orders', 1)")
        db.execute("INSERT INTO dead_letters VALUES (7, 'orders', 'R1', 3, 'bad', 'why', x'ff', 1, 5.5)")
        db.execute("PRAGMA user_version = 1")
        db.commit()
    state = SqliteState(path)
    last = state.last_run("orders")
    assert last is not None
    assert (state.project, last.run_id, last.contents) == ("abc", "R1", {})
    assert state.letters("orders") == [StoredLetter(7, "R1", 5.5, DeadLetter(3, "bad", "why", b"\xff", raw=True))]
    state.close()
