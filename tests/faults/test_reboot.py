"""A host that went down and came up: every process of it is gone, and so is its engine, in one moment."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.faults.fleet import Fleet
from tests.streams import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.engine import PrivateEngine

pytestmark = pytest.mark.engine

TASKS = 4
"""One of them with both providers in containers, one with a single one, and two of processes."""


@pytest.fixture
def fleet(mortal_engine: PrivateEngine, tmp_path: Path, cache: Path) -> Iterator[Fleet]:
    made = Fleet(tmp_path / "fleet", cache, TASKS, host=mortal_engine.host, rate=200, restart='policy = "no"')
    yield made
    made.sweep()


def test_after_a_reboot_one_command_resumes_every_task_from_its_state(
    fleet: Fleet, mortal_engine: PrivateEngine
) -> None:
    names = [member.name for member in fleet.members]
    fleet.does("run", "--all", "--detach")
    fleet.flows(*names)
    saved = functools.partial(_saved_at, fleet)
    until(lambda: all(map(saved, names)), "their first states", 60)
    before = {name: saved(name) for name in names}

    mortal_engine.kill()
    while pids := fleet.processes():
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    mortal_engine.start()

    assert {row["state"] for row in fleet.ps().values()} == {"killed"}
    fleet.does("run", "--all", "--detach")
    fleet.agrees(names)
    fleet.flows(*names)
    until(lambda: all(saved(name) > before[name] for name in names), "their states move on", 60)
    fleet.does("stop", "--all")
    assert [fault for member in fleet.members for fault in member.faults()] == []
    assert {row["state"] for row in fleet.ps().values()} == {"stopped"}
    assert fleet.left_for_good() == []


def _saved_at(fleet: Fleet, name: str) -> float:
    """When the newest state was stored that the task's run knows of; 0 before the first."""
    checkpoint = fleet.status(name)["checkpoint"]
    return float(checkpoint["saved_at"]) if checkpoint else 0.0
