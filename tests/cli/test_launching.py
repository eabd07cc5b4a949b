"""Supervisors that are given up as they begin."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from orchestrator.cli.invocation import Invocation
from orchestrator.cli.runs.detaching import _Start
from orchestrator.cli.runs.order import Order
from orchestrator.cli.terminal.screen import Screen
from orchestrator.errors import EXIT_DONE, EXIT_FAILED
from orchestrator.pipeline.observe import RunControl
from orchestrator.state.lock import Locks
from tests.pickytask import TASK, PickyTask
from tests.streams import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Project


def test_a_provider_that_does_not_say_whether_it_is_ready_is_not_called_running(project: Project) -> None:
    waits = f"echo 1; until [ -e '{project.folder}/told' ]; do sleep 0.05; done; exit 3"
    for name, said in (("input", waits), ("output", "exec cat")):
        program = project.folder / name
        program.write_text(f"#!/bin/sh\n{said}\n")
        program.chmod(0o755)
    project.write(
        'task "orders" {\n  input { provider_path = "./input" }\n  output { provider_path = "./output" }\n}\n'
    )
    done = project.execute("run", "orders", "--detach")
    assert done.code == EXIT_DONE
    assert re.fullmatch(
        r"orders is started \(process \d+\); (neither provider says|the input does not say) whether it is ready\n",
        done.stdout,
    )
    (project.folder / "told").touch()
    until(lambda: project.run("--json", "ps").events[0]["state"] == "failed", "what was to come of it")


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
