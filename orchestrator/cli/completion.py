"""What a shell can complete: the names of the tasks, without evaluating the file."""

from __future__ import annotations

import re
from collections.abc import Iterator  # typer reads the annotations
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.invocation import DEFAULT_FILE

_TASK = re.compile(r'^\s*task\s+"?([^"\s{]+)"?', re.MULTILINE)


def task_names(context: typer.Context, incomplete: str) -> Iterator[str]:
    path = Path(context.find_root().params.get("config") or DEFAULT_FILE)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return
    yield from (name for name in _TASK.findall(text) if name.startswith(incomplete))


TaskName = Annotated[str, typer.Argument(metavar="TASK", help="A task of dstream.hcl.", autocompletion=task_names)]
TaskNames = Annotated[
    list[str], typer.Argument(metavar="TASK", help="Tasks of dstream.hcl.", autocompletion=task_names)
]
