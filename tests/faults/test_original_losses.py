"""What the original loses with a slow output: 880 records on SIGTERM, the tail at a normal end."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.differences import first_difference
from tests.faults.places import Processes
from tests.faults.sinkfile import faults_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.project import Done, Project

SLOW = {"per_line": 0.001}
STANDING = {**SLOW, "wait_at": 1000}
"""It stands still there, so that it is no matter of time whether the signal finds the rest under way."""

LEGACY = ("legacy_source", "legacy_sink")


def sigterm_in_the_middle(project: Project) -> Done:
    run = project.start()
    middle = project.file("waiting")
    project.until(run, lambda: project.number("written") >= 3600 and middle.exists(), "the middle")
    run.signal(signal.SIGTERM)
    project.until(run, lambda: "draining" in run.stderr, "the signal has come")
    project.file("go").touch()
    return run.wait()


def numbers(project: Project) -> list[int]:
    """What a legacy output received."""
    return [int(line.split()[0]) for line in project.sink.read_bytes().splitlines()]


@pytest.fixture
def project(project_at: Callable[..., Project]) -> Project:
    return project_at(Processes())


def test_sigterm_in_mid_stream_loses_nothing(project: Project) -> None:
    project.write({"count": 3619, "every": 100, "hold_at": 3600}, STANDING)
    done = sigterm_in_the_middle(project)
    assert done.status == 0, str(done)
    assert "3,600 emitted = 3,600 relayed = 3,600 acknowledged" in done.summary
    assert faults_in(project.sink, count=3600, bound=0) == []
    assert project.stored() == 3600
    assert project.left_for_good() == []


def test_sigterm_in_mid_stream_loses_nothing_between_legacy_providers(project: Project) -> None:
    project.write({"count": 3600, "hold": True}, STANDING, programs=LEGACY, protocols=(None, None))
    done = sigterm_in_the_middle(project)
    assert done.status == 0, str(done)
    assert first_difference(numbers(project), range(1, 3601)) is None
    assert project.left_for_good() == []


def test_a_slow_output_gets_the_tail(project: Project) -> None:
    project.write({"count": 2000, "every": 100}, SLOW)
    done = project.run()
    assert done.status == 0, str(done)
    assert faults_in(project.sink, count=2000, bound=0) == []
    assert project.left_for_good() == []


def test_a_slow_output_gets_the_tail_of_a_legacy_input(project: Project) -> None:
    project.write({"count": 2000}, SLOW, programs=LEGACY, protocols=(None, None))
    done = project.run()
    assert done.status == 0, str(done)
    assert first_difference(numbers(project), range(1, 2001)) is None
    assert project.left_for_good() == []
