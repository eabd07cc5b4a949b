"""What `dstream snapshot` does once its arguments are read: it asks the process that runs the task."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from orchestrator.cli.compose import controls
from orchestrator.cli.terminal.events import emit
from orchestrator.cli.terminal.words import printable
from orchestrator.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from orchestrator.cli.invocation import Invocation


def request_snapshot(
    invocation: Invocation,
    name: str,
    *,
    tables: Sequence[str],
    every: bool,
    where: str | None,
    variables: Sequence[str],
    files: Sequence[Path],
) -> None:
    if bool(tables) == every:
        raise ConfigError("usage", "say which tables to read anew", hint="with `--table`, or `--all` for all of them")
    if where is not None and len(tables) != 1:
        raise ConfigError("usage", "`--filter` is about one table", hint="name one `--table`; ask again for others")
    settings = invocation.settings()
    project = invocation.project(variables, files)
    task = project.task(name)
    answer = controls(project, settings).ask(task.name, "snapshot", tables=list(tables), filter=where)
    if invocation.json:
        emit({"event": "snapshot", "task": name, **answer})
    elif not invocation.quiet:
        read = ", ".join(answer["tables"]) or "all of its tables"
        typer.echo(f"{name} reads {printable(read)} anew")
