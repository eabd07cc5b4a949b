"""The order of what reaches the disk and what reaches the input, as the kernel saw it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.edited import ack_before_commit, edited_package
from tests.faults.places import Processes
from tests.faults.rounds import Stream
from tests.faults.sinkfile import faults_in
from tests.faults.systemcalls import Call, acks_before_their_state, acks_in, read_trace, under_strace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.faults.project import Project

COUNT = 300
STREAM = Stream(max_in_flight=10)
"""So few records are under way that there are many acks and commits, however slow the disk is."""

STATE = '{{"number":{}}}'


def traced(project: Project) -> list[Call]:
    """The system calls of a whole run."""
    STREAM.write(project, COUNT)
    trace = project.folder / "trace"
    done = project.start(under=under_strace(trace)).wait()
    assert done.status == 0, str(done)
    return read_trace(trace)


def test_every_ack_is_written_after_its_state_was_synced(project_at: Callable[..., Project]) -> None:
    calls = traced(project_at(Processes()))
    acks = [number for _, number in acks_in(calls)]
    assert len(acks) > 5
    assert acks[-1] == COUNT
    assert acks_before_their_state(calls, "state.db", STATE) == []


def test_the_trace_shows_an_ack_that_came_first(project_at: Callable[..., Project], tmp_path: Path) -> None:
    package = edited_package(tmp_path / "edited", *ack_before_commit(pause=0.05))
    calls = traced(project_at(Processes(), package=package))
    assert acks_before_their_state(calls, "state.db", STATE) == [number for _, number in acks_in(calls)]


def test_a_disk_that_fails_stops_the_run_with_nothing_acknowledged_that_is_not_stored(
    project_at: Callable[..., Project],
) -> None:
    project, stream = project_at(Processes()), STREAM
    stream.write(project, 100)
    assert project.run().status == 0
    stream.write(project, COUNT)
    # Each thread counts its own: those of the main one, at the start, are fewer.
    failing = ["strace", "-f", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=6+"]
    done = project.start(under=failing).wait()
    assert (done.status, done.errors) == (4, ["state.unavailable"]), str(done)
    assert 100 < project.number("pruned") <= project.stored() < COUNT
    assert project.run().status == 0
    assert faults_in(project.sink, count=COUNT, bound=stream.bound) == []
    assert project.left_for_good() == []
