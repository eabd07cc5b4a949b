"""The table that `dstream top` draws."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from orchestrator.cli.terminal.words import printable
from orchestrator.cli.views.sparks import POINTS, bars_for, spark
from orchestrator.cli.views.task_rows import HEADINGS, fitted, task_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.cli.views.sparks import History
    from orchestrator.pipeline.survey import TaskState, TaskStatus

_LEFT_OUT = {"SINCE", "WHY"}
_BARS = 10
_TEXTS = {"TASK", "STATE"}
_STYLES: dict[TaskState, str] = {
    "running": "green",
    "starting": "cyan",
    "standby": "cyan",
    "draining": "cyan",
    "backing off": "yellow",
    "failed": "red",
    "killed": "red",
    "not answering": "red",
    "stopped": "dim",
    "never run": "dim",
}


def top_table(tasks: Sequence[TaskStatus], history: History, now: float, encoding: str, width: int) -> Group:
    """A line about all tasks, and one row each with its rates. `now` is Unix time."""
    cut = fitted([task_row(task, now) for task in tasks], width - _BARS - 1)
    rows = [dict(zip(HEADINGS, row, strict=True)) for row in cut]
    shown = [heading for heading in HEADINGS if heading not in _LEFT_OUT and any(row[heading] for row in rows)]
    table = Table(box=None, pad_edge=False, expand=True, header_style="bold")
    for heading in shown:
        table.add_column(heading, justify="left" if heading in _TEXTS else "right", no_wrap=True)
    table.add_column("RECORDS/S", min_width=_BARS, max_width=POINTS, no_wrap=True, overflow="crop")
    table.add_column("WHY", ratio=1, no_wrap=True, overflow="ellipsis")
    bars = bars_for(encoding)
    for task, row in zip(tasks, rows, strict=True):
        cells = [
            Text(printable(row[heading]), style=_STYLES[task.state] if heading == "STATE" else "") for heading in shown
        ]
        table.add_row(*cells, Text(spark(history.rates(task.task), bars)), Text(printable(row["WHY"])))
    return Group(Text(_summary(tasks, now)), Text(""), table)


def _summary(tasks: Sequence[TaskStatus], now: float) -> str:
    states = ", ".join(f"{number} {state}" for state, number in Counter(task.state for task in tasks).most_common())
    clock = time.strftime("%H:%M:%S", time.localtime(now))
    return f"{clock}  {len(tasks)} task{'' if len(tasks) == 1 else 's'}: {states or 'none'}  (q ends)"
