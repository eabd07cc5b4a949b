"""The checks of the doctor, and that none of them keeps the others waiting."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import UnavailableError, Where
from orchestrator.pipeline.doctor.disk import look_at_disks
from orchestrator.pipeline.doctor.examination import Check, examine
from orchestrator.pipeline.doctor.finding import Finding
from orchestrator.pipeline.doctor.sizes import Heap, look_at_sizes
from orchestrator.runtime.facts import facts_of
from orchestrator.state.integrity import glance, problems_of
from orchestrator.state.lock import Locks
from orchestrator.state.sqlite import SqliteState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FINE = Finding("ok", "fine")


def test_checks_are_told_in_their_order_whichever_ends_first() -> None:
    ended = threading.Event()

    def late() -> Iterator[Finding]:
        yield Finding("ok", "first")
        assert ended.wait(60)
        yield Finding("ok", "second")

    def early() -> Iterator[Finding]:
        yield FINE
        ended.set()

    waited: list[str] = []
    found = list(examine([Check("late", late), Check("early", early)], waited.append))
    assert [(name, one.what) for name, one in found] == [("late", "first"), ("late", "second"), ("early", "fine")]
    assert waited == ["late", "early"]


def test_a_check_that_hangs_is_a_finding_and_keeps_nobody_waiting() -> None:
    over = threading.Event()

    def hangs() -> Iterator[Finding]:
        yield FINE
        over.wait()

    checks = [Check("hangs", hangs, deadline=0.05), Check("fine", lambda: [FINE])]
    found = list(examine(checks, lambda _: None))
    over.set()
    assert [(name, one.severity) for name, one in found] == [("hangs", "ok"), ("hangs", "failed"), ("fine", "ok")]
    assert "did not end within 0.05 s" in found[1][1].what


def test_what_a_check_raises_of_ours_is_a_finding_and_a_fault_of_its_own_is_not_hidden() -> None:
    def refuses() -> Iterator[Finding]:
        yield FINE
        raise UnavailableError("a.b", "no", hint="yes", where=Where(file="f", line=3))

    assert [one for _, one in examine([Check("it", refuses)], lambda _: None)] == [
        FINE,
        Finding("failed", "no", "f:3", "yes"),
    ]

    def faulty() -> Iterator[Finding]:
        raise KeyError("a mistake")

    with pytest.raises(KeyError, match="a mistake"):
        list(examine([Check("it", faulty)], lambda _: None))


def test_a_folder_that_is_not_there_yet_is_on_the_disk_of_the_one_above_it(tmp_path: Path) -> None:
    (found,) = look_at_disks({"state": tmp_path / "a" / "b"})
    assert found.where == str(tmp_path / "a" / "b")
    assert " free for state" in found.what


def test_what_has_gathered_is_told_from_how_much_on_it_is_too_much(tmp_path: Path) -> None:
    (tmp_path / "logs" / "orders").mkdir(parents=True)
    (tmp_path / "logs" / "orders" / "1").write_bytes(bytes(600_000))
    (tmp_path / "logs" / "gone").symlink_to(tmp_path / "nowhere")
    heaps = [Heap("logs", tmp_path / "logs", "less"), Heap("artifacts", tmp_path / "none", "prune")]
    assert [(one.severity, one.what) for one in look_at_sizes(heaps)] == [("ok", "logs: 0.6 MB")]
    (found,) = look_at_sizes(heaps, large=500_000)
    assert (found.severity, found.remedy) == ("warning", "less")


def test_what_an_engine_does_not_say_is_unknown() -> None:
    facts = facts_of("tcp://far", {}, {})
    assert (facts.version, facts.clock, facts.cannot_limit, facts.local) == ("unknown", None, (), False)
    told = facts_of("unix:///s", {"SystemTime": "2026-11-23T18:00:00.123456789Z", "PidsLimit": False}, {})
    assert (told.clock, told.cannot_limit, told.local) == (1795456800.123456, ("number of processes",), True)


def test_a_store_in_which_nothing_was_ever_stored_is_none(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    assert glance(path) is None
    path.touch()  # a disk was full, or a process killed, when it was made
    assert glance(path) is None


def test_a_store_that_takes_too_long_to_read_is_not_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    SqliteState(path).close()
    with closing(sqlite3.connect(path)) as db, db:
        db.executemany("INSERT INTO tasks (task, epoch) VALUES (?, 1)", ((f"task {number}",) for number in range(5000)))
    assert problems_of(path, within=0) is None
    assert problems_of(path, within=60) == []


def test_a_lock_that_cannot_be_written_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "locks").write_text("a file is in the way")
    with pytest.raises(UnavailableError) as refused:
        Locks(tmp_path).acquire("orders", "R1")
    assert refused.value.code == "state.unwritable"
    assert str(refused.value.where.file).startswith(str(tmp_path / "locks"))
