"""What `dstream ps` does once its arguments are read."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

from orchestrator.cli.runs.signals import Signals
from orchestrator.cli.terminal.columns import columns
from orchestrator.cli.terminal.events import emit
from orchestrator.cli.terminal.screen import show
from orchestrator.cli.views.overview import overview
from orchestrator.cli.views.redraw import again_and_again, movable, watch_lines
from orchestrator.cli.views.task_rows import HEADINGS, fitted, task_event, task_row
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
            fit = shutil.get_terminal_size().columns if watch and movable() else None
            return task_lines(look(), fit)

        if not watch:
            emit_all() if invocation.json else show(lines())
            return
        control = RunControl()
        with Signals(control):
            if invocation.json:
                again_and_again(control, emit_all)
            else:
                watch_lines(control, lines)


def task_lines(tasks: Sequence[TaskStatus], width: int | None = None) -> list[str]:
    """The table, or that there is nothing to put into it. With a `width` it does without what has no room there."""
    now = time.time()
    if not tasks:
        return ["no tasks: dstream.hcl has none, and none was run here"]
    rows = [task_row(status, now) for status in tasks]
    return columns(HEADINGS, rows if width is None else fitted(rows, width))
