"""Outputs that hang, or leave in mid-stream: the run says so, and what they had not acknowledged comes again."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.faults.rounds import Stream
from tests.faults.sinkfile import faults_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.places import Place
    from tests.faults.project import Project

pytestmark = pytest.mark.engine

COUNT = 500


def end_well(project: Project, stream: Stream) -> None:
    """The task, run again, comes to its end with nothing lost and nothing left."""
    stream.write(project, COUNT)
    done = project.run()
    assert done.status == 0, str(done)
    assert faults_in(project.sink, count=COUNT, bound=stream.bound) == []
    assert project.stored() == COUNT
    assert project.left_for_good() == []


def test_a_hung_output_is_reported_and_loses_nothing(project_at: Callable[..., Project], place: Place) -> None:
    project, stream = project_at(place), Stream(ack_timeout="1500ms")
    stream.write(project, COUNT)
    run = project.start()
    project.until(run, lambda: project.number("written") >= COUNT // 2, "the middle of the stream")
    project.signal("output", signal.SIGSTOP)
    done = run.wait()
    assert (done.status, done.errors) == (1, ["provider.stalled"]), str(done)
    assert project.left_for_good() == []
    end_well(project, stream)


@pytest.mark.parametrize("status", [0, 1])
def test_an_output_that_leaves_in_mid_stream_is_reported_and_loses_nothing(
    project_at: Callable[..., Project], place: Place, status: int
) -> None:
    project, stream = project_at(place), Stream(faults={"exit_at": 235, "exit_status": status})
    stream.write(project, COUNT)
    done = project.run()
    assert (done.status, done.errors) == (1, ["provider.died"]), str(done)
    assert f"exited {status} before its `end`" in done.stderr
    assert project.left_for_good() == []
    assert 0 < project.stored() < COUNT
    end_well(project, stream)


def test_a_restart_carries_the_run_over_an_output_that_left(project_at: Callable[..., Project], place: Place) -> None:
    stream = Stream(faults={"exit_at": 235, "exit_status": 0}, restart='backoff = "10ms"')
    project = project_at(place)
    end_well(project, stream)
    assert len(project.sink.read_bytes().split(b'{"start":')) == 1 + 2
