"""What `dstream ps` does once its arguments are read."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from orchestrator.cli.asking import show
from orchestrator.cli.columns import columns
from orchestrator.cli.events import emit
from orchestrator.cli.overview import overview
from orchestrator.cli.redraw import again_and_again, watch_lines
from orchestrator.cli.signals import Signals
from orchestrator.cli.task_rows import HEADINGS, task_event, task_row
from orchestrator.pipeline.observe import RunControl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.cli.invocation import Invocation
    from orchestrator.pipeline.survey import TaskStatus


def list_tasks(invocation: Invocation, *, watch: bool) -> None:
    with overview(invocation) as look:

        def emit_all() -> None:
            for status in look():
                emit(task_event(status))

        def lines() -> Sequence[str]:
            return task_lines(look())

        if not watch:
            emit_all() if invocation.json else show(lines())
            return
        control = RunControl()
        with Signals(control):
            if invocation.json:
                again_and_again(control, emit_all)
            else:
                watch_lines(control, lines)


def task_lines(tasks: Sequence[TaskStatus]) -> list[str]:
    """The table, or that there is nothing to put into it."""
    now = time.time()
    if not tasks:
        return ["no tasks: dstream.hcl has none, and none was run here"]
    return columns(HEADINGS, [task_row(status, now) for status in tasks])
