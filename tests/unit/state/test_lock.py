"""One run per task, and a lock that no crash leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.errors import RunError
from orchestrator.state.lock import Locks

HOLD = """
import sys
from pathlib import Path
from orchestrator.state.lock import Locks
lock = Locks(Path(sys.argv[1])).acquire("orders", "R1")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate(timeout=60)


def test_whoever_comes_second_is_told_who_holds_the_lock(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    locks = Locks(tmp_path)
    assert locks.try_acquire("orders", "R2") is None
    with pytest.raises(RunError) as refused:
        locks.acquire("orders", "R2")
    assert refused.value.code == "task.running"
    assert str(holder.pid) in refused.value.message


def test_a_killed_holder_leaves_the_lock_free(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait(60)
    with Locks(tmp_path).acquire("orders", "R2"):
        holding = Locks(tmp_path).holder("orders")
        assert holding is not None
        assert holding.pid == os.getpid()


def test_tasks_have_locks_of_their_own_whatever_their_names(tmp_path: Path) -> None:
    locks = Locks(tmp_path)
    with locks.acquire("a/b", "R1"), locks.acquire("a_b", "R2"), locks.acquire("ä" * 200, "R3"):
        assert locks.try_acquire("a/b", "R4") is None
    assert locks.try_acquire("a/b", "R5") is not None


def test_who_holds_a_lock_can_be_seen_without_taking_it(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    locks = Locks(tmp_path)
    assert locks.held("others") is None
    found = locks.held("orders")
    assert found is not None
    assert (found.pid, found.run_id) == (holder.pid, "R1")
    holder.kill()
    holder.wait()
    assert locks.held("orders") is None
    locks.acquire("orders", "R2").release()


def test_a_run_waits_for_who_cleans_up_behind_a_killed_one_and_is_not_told_that_it_runs(tmp_path: Path) -> None:
    locks = Locks(tmp_path)
    cleaning = locks.try_acquire("orders", "R1", cleaning=True)
    assert cleaning is not None
    assert locks.running("orders") is None
    threading.Timer(0.1, cleaning.release).start()
    with locks.acquire("orders", "R2"):
        holding = locks.running("orders")
        assert holding is not None
        assert holding.run_id == "R2"


def test_who_only_looks_whether_a_killed_run_is_alive_keeps_nobody_from_running_it(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    holder.kill()
    holder.wait(60)
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            Locks(tmp_path).held("orders")

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for number in range(100):
            lock = Locks(tmp_path).acquire("orders", f"R{number}")
            os.close(lock._fd or -1)  # as a killed process leaves it, with its name in it
    finally:
        ended.set()
        looking.join()
