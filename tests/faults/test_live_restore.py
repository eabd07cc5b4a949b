"""An engine that is killed while its containers live on, and comes back: what it took in between is gone.

Nothing is ever attached again to containers that went on without their engine.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.faults.places import Containers, make_images
from tests.faults.project import living
from tests.faults.rounds import Stream
from tests.faults.sinkfile import faults_in
from tests.servers.engine import PrivateEngine
from tests.streams import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.project import Project, Run

pytestmark = pytest.mark.engine

COUNT = 3000


@pytest.fixture(scope="module")
def restoring() -> Iterator[PrivateEngine]:
    """An engine whose containers outlive it."""
    with PrivateEngine("restoring", live_restore=True) as engine:
        make_images(engine.host)
        yield engine


def killed_in_mid_stream(project: Project, engine: PrivateEngine, stream: Stream) -> Run:
    """Start the run, kill the engine, see the containers live on, and bring the engine back."""
    stream.write(project, COUNT)
    run = project.start()
    project.until(run, lambda: project.number("written") >= 300, "the stream")
    programs = {project.place.pid(project, "input"), project.place.pid(project, "output")}
    engine.kill()
    assert programs <= set(living())
    engine.start()
    return run


def is_whole(project: Project, stream: Stream) -> None:
    assert faults_in(project.sink, count=COUNT, bound=stream.bound) == []
    assert project.stored() == COUNT
    assert project.left_for_good() == []


def test_the_run_fails_and_the_next_one_repeats(project_at: Callable[..., Project], restoring: PrivateEngine) -> None:
    project, stream = project_at(Containers(restoring.host)), Stream()
    done = killed_in_mid_stream(project, restoring, stream).wait()
    assert (done.status, done.errors) == (4, ["engine.lost"]), str(done)
    assert project.left_for_good() == []
    assert project.stored() < COUNT
    done = project.run()
    assert done.status == 0, str(done)
    is_whole(project, stream)


def test_a_restart_carries_the_run_over_it(project_at: Callable[..., Project], restoring: PrivateEngine) -> None:
    project, stream = project_at(Containers(restoring.host)), Stream(restart='backoff = "100ms"')
    done = killed_in_mid_stream(project, restoring, stream).wait()
    assert done.status == 0, str(done)
    is_whole(project, stream)


def test_an_orchestrator_that_dies_while_its_engine_is_away_leaves_nothing(
    project_at: Callable[..., Project], restoring: PrivateEngine
) -> None:
    project, stream = project_at(Containers(restoring.host)), Stream()
    stream.write(project, COUNT)
    run = project.start()
    project.until(run, lambda: project.number("written") >= 300, "the stream")
    restoring.kill()
    run.signal(signal.SIGKILL)
    run.wait()
    restoring.start()
    until(lambda: not project.processes() and not project.place.left(project), "the guard has cleaned up")
    assert project.stored() < COUNT
    done = project.run()
    assert done.status == 0, str(done)
    is_whole(project, stream)
