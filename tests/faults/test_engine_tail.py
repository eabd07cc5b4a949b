"""An engine drops what an exited container wrote and nobody read. What that means for each kind of input."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.faults.places import Containers, Mixed, Processes
from tests.faults.sinkfile import faults_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.project import Project, Run

pytestmark = pytest.mark.engine

STANDS_STILL_S = 5.0
"""Longer than the two seconds after which the engine closes the streams of a container that has exited."""


@pytest.fixture
def project(project_at: Callable[..., Project], containers: Containers) -> Project:
    """The input in a container, the output a process, so that the engine holds up nothing but the input."""
    return project_at(Mixed(input=containers, output=Processes()))


def test_an_input_of_protocol_1_loses_nothing_to_a_relay_that_stands_still(project: Project) -> None:
    count = 40_000  # more than all buffers between the two hold
    project.write({"count": count, "every": 1000}, {"batch": 100, "wait_at": 500})
    run = project.start()
    project.until(run, project.file("waiting").exists, "the output stands still")
    time.sleep(STANDS_STILL_S)
    project.file("go").touch()
    done = run.wait()
    assert done.status == 0, str(done)
    assert faults_in(project.sink, count=count, bound=0) == []
    assert project.left_for_good() == []


def test_a_legacy_input_whose_tail_may_be_missing_fails_the_run(project: Project) -> None:
    piling_up(project, {"wait_at": 500})
    run = project.start()
    project.until(run, project.file("leaving").exists, "the input exits with its output unread")
    time.sleep(STANDS_STILL_S)
    project.file("go").touch()
    tail_is_missed(project, run)


def test_so_does_one_whose_tail_was_missed_by_an_orchestrator_that_stood_still_itself(project: Project) -> None:
    piling_up(project, {})
    run = project.start()
    project.until(run, lambda: project.number("written") > 0, "the stream")
    run.signal(signal.SIGSTOP)
    project.until(run, project.file("leaving").exists, "the input exits with its output unread")
    time.sleep(STANDS_STILL_S)
    run.signal(signal.SIGCONT)
    tail_is_missed(project, run)


def piling_up(project: Project, sink: dict[str, int]) -> None:
    """Write a task whose legacy input exits as soon as nothing more of what it writes is taken."""
    source = {"count": 0, "pile_up": 2.5, "width": 1000}
    project.write(source, sink, programs=("legacy_source", "legacy_sink"), protocols=(None, None))


def tail_is_missed(project: Project, run: Run) -> None:
    done = run.wait()
    received, written = project.sink.read_bytes().count(b"\n"), project.number("written")
    assert received < written, "nothing was missed, so nothing is shown"
    assert (done.status, done.errors) == (1, ["relay.tail_missing"]), f"{received} of {written} lines, {done}"
    assert project.left_for_good() == []
