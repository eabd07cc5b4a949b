"""Two projects whose tasks have the same names, on one engine: neither ever touches what is the other's."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.faults.fleet import Fleet
from tests.faults.places import client
from tests.faults.project import command_of
from tests.streams import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.places import Containers

pytestmark = pytest.mark.engine

NAME = "task-00"


@pytest.fixture
def pair(containers: Containers, tmp_path: Path, cache: Path) -> Iterator[tuple[Fleet, Fleet]]:
    one, other = (
        Fleet(tmp_path / name, cache, 1, host=containers.host, rate=100, restart='policy = "no"')
        for name in ("one", "other")
    )
    yield one, other
    for fleet in (one, other):
        fleet.sweep()


def abandon(fleet: Fleet) -> None:
    """Kill the supervisor so that its containers stay: paused, and without the guard that would remove them."""
    with client(str(fleet.host)) as api:
        for name in fleet.containers():
            api.pause(name)
    for pid in fleet.processes():
        if "sentry.py" in command_of(pid):
            os.kill(pid, signal.SIGKILL)
    os.kill(fleet.supervisors()[NAME], signal.SIGKILL)
    until(lambda: not fleet.supervisors(), "it is gone")


def test_neither_of_two_projects_touches_the_others_containers(pair: tuple[Fleet, Fleet]) -> None:
    one, other = pair
    for fleet in pair:
        fleet.does("run", NAME, "--detach")
        fleet.flows(NAME)
    abandon(one)
    abandoned = one.containers()
    assert len(abandoned) == 2

    # Every command of the other that cleans up: a stop, a start, one of each behind a killed run.
    other.does("stop", NAME)
    other.does("run", "--all", "--detach")
    other.flows(NAME)
    abandon(other)
    assert "cleaned up 2 provider(s)" in other.does("stop", NAME)
    other.does("run", NAME, "--detach")
    other.flows(NAME)
    assert one.containers() == abandoned

    running = other.containers()
    assert "cleaned up 2 provider(s)" in one.does("stop", "--all")
    assert one.containers() == {}
    assert other.containers() == running
    other.flows(NAME)
    one.does("run", NAME, "--detach")
    for fleet in pair:
        fleet.agrees([NAME])
        fleet.flows(NAME)
        fleet.does("stop", NAME)
        assert [fault for member in fleet.members for fault in member.faults()] == []
        assert fleet.left_for_good() == []
