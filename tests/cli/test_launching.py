"""Supervisors that are given up as they begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.cli.detaching import _Start
from orchestrator.cli.invocation import Invocation
from orchestrator.cli.order import Order
from orchestrator.cli.screen import Screen
from orchestrator.errors import EXIT_FAILED
from orchestrator.pipeline.observe import RunControl
from orchestrator.state.lock import Locks
from tests.pickytask import TASK, PickyTask

if TYPE_CHECKING:
    from pathlib import Path


def test_a_task_that_is_given_up_while_its_supervisor_is_made_does_not_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = PickyTask(tmp_path, tmp_path / "cache", count=None)
    for name, value in task.project.environ.items():
        monkeypatch.setenv(name, value)
    order = Order(task=TASK, config=str(task.project.file), folder=str(tmp_path))
    invocation = Invocation(config=task.project.file)
    start = _Start(order, Screen(invocation), invocation, RunControl(), wait=60)
    start.give_up()
    assert start.play(skip_running=False) == EXIT_FAILED
    assert Locks(tmp_path / ".dstream").running(TASK) is None
