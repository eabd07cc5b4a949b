"""A run's log takes what it is given without ever making it wait, and says what it had to leave out."""

from __future__ import annotations

import resource
import threading
import tracemalloc
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from orchestrator.tasklog import log as task_log
from orchestrator.tasklog.budget import Budget
from orchestrator.tasklog.place import TaskLogs
from tests.streams import until

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.tasklog.log import TaskLog
    from orchestrator.tasklog.record import Record


def open_log(logs: TaskLogs, run_id: str = "01", troubles: list[str] | None = None) -> closing[TaskLog]:
    told = [] if troubles is None else troubles
    return closing(
        logs.open("orders", run_id, redact=lambda text: text.replace("hush", "[secret]"), trouble=told.append)
    )


def read(logs: TaskLogs) -> list[Record]:
    with closing(logs.reader("orders")) as reader:
        return list(reader.read())


def test_everything_is_there_in_order_once_it_is_closed(tmp_path: Path) -> None:
    logs = TaskLogs(tmp_path)
    with open_log(logs) as log:
        log.event("info", "running", detail=None, hint="hush now")
        log.said("input", b"one\ntwo\n")
        log.said("output", b"three\n", "stdout")
        log.event("warning", "slow \udcff")
    started, running, *said, slow = read(logs)
    assert started.event == "started"
    assert (running.provider, running.fields) == ("relay", {"hint": "[secret] now"})
    assert [(record.provider, record.stream, record.event) for record in said] == [
        ("input", None, "one"),
        ("input", None, "two"),
        ("output", "stdout", "three"),
    ]
    assert (slow.level, slow.event) == ("warning", "slow \\udcff")
    assert {path.stat().st_mode & 0o777 for path in logs.folder("orders").iterdir()} == {0o600}


def test_runs_follow_one_another_and_a_killed_one_is_told_of(tmp_path: Path) -> None:
    logs = TaskLogs(tmp_path)
    for run_id, ending in (("01", {"outcome": "ended"}), ("02", {}), ("03", {"outcome": "ended"})):
        with open_log(logs, run_id) as log:
            log.event("info", "over", **ending)
    told = [(record.run_id, record.event) for record in read(logs) if record.event not in ("started", "over")]
    assert told == [("02", "the run was killed: it did not come to say how it ended")]
    assert [record.run_id for record in read(logs)] == ["01", "01", "02", "02", "02", "03", "03"]


def test_what_exceeds_the_budget_is_dropped_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_log, "Budget", lambda: Budget(0.0, 0.05))
    logs = TaskLogs(tmp_path)
    chunk = b"x" * 99 + b"\n"
    with open_log(logs) as log:
        for _ in range(500):
            log.said("input", chunk * 1000)
        log.said("output", b"still heard\n")
        log.event("info", "over", outcome="ended")
    found = read(logs)
    assert found[-1].event == "over"
    logged = sum(record.event == "x" * 99 for record in found)
    dropped = sum(record.fields.get("dropped", 0) for record in found if record.provider == "input")
    assert logged + dropped == 500_000
    assert 0 < logged < 500_000
    assert [record.event for record in found if record.provider == "output"] == ["still heard"]


def test_what_a_disk_that_stands_still_leaves_no_room_for_is_a_number_for_each_speaker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_log, "HELD", 100)
    moves = threading.Event()

    def stands_still(text: str) -> str:
        assert "held" not in text or moves.wait(60)
        return text

    logs = TaskLogs(tmp_path)
    log = logs.open("orders", "01", redact=stands_still, trouble=lambda _: None)
    log.said("input", b"held\n")
    line = b"x" * 99 + b"\n"
    log.said("input", line)
    log.said("output", line)
    tracemalloc.start()
    for _ in range(10_000):
        log.said("input", line)
        log.said("output", line)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 100_000
    moves.set()
    log.close()
    found = read(logs)
    logged = sum(record.event == "x" * 99 for record in found)
    assert logged + sum(record.fields.get("dropped", 0) for record in found) == 20_002


def test_a_disk_that_takes_nothing_is_told_of_once_and_stops_nobody(tmp_path: Path) -> None:
    logs, troubles = TaskLogs(tmp_path), list[str]()
    (tmp_path / "logs").write_text("in the way")
    with open_log(logs, troubles=troubles) as log:
        log.said("input", b"lost\n")
        log.event("info", "lost too")
    assert len(troubles) == 1
    assert troubles[0].startswith("cannot write the task's log: ")


def test_a_disk_that_is_full_for_a_time_costs_no_more_than_that_time(tmp_path: Path) -> None:
    logs, troubles = TaskLogs(tmp_path), list[str]()
    log = logs.open("orders", "01", redact=str, trouble=troubles.append)
    log.said("input", b"before\n")
    with closing(logs.reader("orders")) as reader:
        until(lambda: "before" in [record.event for record in reader.read()], "the first line")
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
        try:
            log.said("input", b"meanwhile\n" * 3)
            until(lambda: troubles, "a write that fails")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    log.said("input", b"behind\n")
    log.close()
    found = [record for record in read(logs) if record.provider == "input"]
    assert [record.event for record in found if not record.fields] == ["before", "behind"]
    assert [record.fields for record in found if record.fields] == [{"dropped": 3}]
    assert len(troubles) == 1


def test_a_budget_has_its_burst_and_then_its_share() -> None:
    for share in (0.0, 0.5):
        budget = Budget(share, 0.1)
        assert budget.allows()
        budget.spend(0.15)
        assert not budget.allows()
    until(budget.allows, "its share")
