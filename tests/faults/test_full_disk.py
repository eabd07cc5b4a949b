"""A disk that is full: what cannot be stored is never acknowledged, and with room again nothing is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import EXIT_DONE, EXIT_ENVIRONMENT
from tests.faults.edited import ack_before_commit, edited_package
from tests.faults.places import Processes
from tests.faults.rounds import Stream
from tests.faults.sinkfile import faults_in
from tests.smalldisk import SmallDisk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.faults.project import Done, Project, Run

COUNT = 600
SIZE = 2 << 20
STREAM = Stream(faults={"wait_at": COUNT // 2})
"""Its sink stands still in the middle, so that it is no matter of time what comes before the disk is full."""


@pytest.fixture
def project(project_at: Callable[..., Project]) -> Project:
    return project_at(Processes())


@pytest.fixture
def disk(project: Project) -> Iterator[SmallDisk]:
    """What the project's state is on, and its logs."""
    with SmallDisk(project.folder / ".dstream", SIZE) as disk:
        yield disk


def test_a_disk_that_fills_up_stops_the_run_before_it_acknowledges_what_is_not_stored(
    project: Project, disk: SmallDisk
) -> None:
    """The input forgets for good what was acknowledged: an ack that came too early could not stay hidden."""
    stream = STREAM
    done = run_until_full(project, disk, stream)
    assert "database or disk is full" in done.stderr
    assert "hint: free disk space" in done.stderr
    assert project.number("pruned") <= project.stored() < COUNT
    finish(project, stream, project.run())


def test_a_task_that_restarts_goes_on_by_itself_once_there_is_room(project: Project, disk: SmallDisk) -> None:
    restart = 'policy = "on-failure"\n    backoff = "200ms"\n    max_backoff = "200ms"'
    stream = replace(STREAM, restart=restart)
    run = fill_in_the_middle(project, disk, stream)
    project.until(run, lambda: run.stderr.count("trying again") > 1, "it has failed twice")
    assert "database or disk is full" in run.stderr
    disk.free()
    finish(project, stream, run.wait())


def test_an_ack_before_the_state_is_durable_is_red(project_at: Callable[..., Project], tmp_path: Path) -> None:
    package = edited_package(tmp_path / "edited", *ack_before_commit(pause=1))
    project = project_at(Processes(), package=package)
    with SmallDisk(project.folder / ".dstream", SIZE) as disk:
        run_until_full(project, disk, STREAM)
        assert project.number("pruned") > project.stored()


def test_a_run_that_begins_on_a_full_disk_says_so_and_starts_nothing(project: Project, disk: SmallDisk) -> None:
    stream = Stream()
    stream.write(project, 100)
    assert project.run().status == EXIT_DONE
    stream.write(project, COUNT)
    disk.fill()
    done = project.run()
    assert (done.status, done.errors) == (EXIT_ENVIRONMENT, ["state.unavailable"]), done
    assert "hint: free disk space" in done.stderr
    assert not project.file("input-up").exists()

    disk.free()
    finish(project, stream, project.run())


def test_a_full_disk_that_keeps_only_logs_is_told_once_and_fails_no_run(project: Project) -> None:
    stream = Stream()
    stream.write(project, COUNT)
    with SmallDisk(project.folder / ".dstream" / "logs", 1 << 16) as disk:
        disk.fill()
        done = project.run()
        finish(project, stream, done)
        assert done.stderr.count("No space left") == 1, done


def test_a_full_disk_for_a_record_stops_the_run_which_then_has_lost_nothing(project: Project, tmp_path: Path) -> None:
    """A record with holes is none: whoever asks for one is told."""
    stream = STREAM
    with SmallDisk(tmp_path / "record", 1 << 16) as disk:
        done = fill_in_the_middle(project, disk, stream, "--record", str(disk.folder)).wait()
        assert (done.status, done.errors) == (EXIT_ENVIRONMENT, ["record.unwritable"]), done
    finish(project, stream, project.run())


def fill_in_the_middle(project: Project, disk: SmallDisk, stream: Stream, *options: str) -> Run:
    """Start the run, have the disk fill up in mid-stream, and have the stream go on."""
    stream.write(project, COUNT)
    run = project.start(*options)
    project.until(run, lambda: project.number("pruned") > 0 and project.file("waiting").exists(), "the middle")
    disk.fill()
    project.file("go").touch()
    return run


def run_until_full(project: Project, disk: SmallDisk, stream: Stream) -> Done:
    """Have the disk fill up in mid-stream; the run, which has ended by it. There is room again."""
    done = fill_in_the_middle(project, disk, stream).wait()
    disk.free()
    assert (done.status, done.errors) == (EXIT_ENVIRONMENT, ["state.unavailable"]), done
    return done


def finish(project: Project, stream: Stream, done: Done) -> None:
    """The sink has everything as promised, the state says so, and nothing is left."""
    assert done.status == EXIT_DONE, done
    assert project.stored() == COUNT
    assert faults_in(project.sink, count=COUNT, bound=stream.bound) == []
    assert project.left_for_good() == []
