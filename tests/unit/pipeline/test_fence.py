"""Before anything starts beside it, what earlier commands left of a task is gone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.pipeline.fence import fence
from orchestrator.runtime.base import Launch, PathProgram, Scope
from orchestrator.runtime.guard import Guard
from orchestrator.runtime.process import ProcessRuntime, RunningProcess
from orchestrator.state.lock import Locks
from orchestrator.state.names import infrastructure_of
from orchestrator.state.sqlite import SqliteState


@pytest.fixture
def left(tmp_path: Path) -> Iterator[RunningProcess]:
    """What a `destroy` of the task `orders` started."""
    guard = Guard()
    runtime = ProcessRuntime(Scope("project", infrastructure_of("orders"), "R1"), state_dir=tmp_path, guard=guard)
    running = runtime.start(Launch("output", PathProgram(sys.executable), ["-c", "input()"]))
    yield running
    running.dispose(10)
    guard.close()


@pytest.fixture
def fenced(tmp_path: Path) -> Iterator[Callable[[], int]]:
    """Cleans up before a run of that task."""
    runtime = ProcessRuntime(Scope("project", "orders", "R2"), state_dir=tmp_path, guard=Guard())
    with closing(SqliteState(tmp_path / "state.db")) as state:
        locks = Locks(tmp_path)
        yield lambda: fence({"orders"}, "R2", {"path"}, state=state, locks=locks, runtime=lambda _: runtime)


def test_a_run_does_not_start_beside_what_a_killed_destroy_left(
    left: RunningProcess, fenced: Callable[[], int]
) -> None:
    assert fenced() == 1
    assert left.wait(60) is not None


def test_a_plan_that_goes_on_is_left_alone(left: RunningProcess, fenced: Callable[[], int], tmp_path: Path) -> None:
    with Locks(tmp_path).acquire(infrastructure_of("orders"), "R1"):
        assert fenced() == 0
        assert left.wait(0) is None
