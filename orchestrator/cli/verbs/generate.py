"""`dstream generate systemd TASK`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.completion import TaskName
from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.verbs.run import Metrics

app = typer.Typer(help="Write files for what runs tasks.", no_args_is_help=False)


@app.callback()
def around() -> None:
    """Write files for what runs tasks."""


@app.command("systemd")
def systemd(
    context: typer.Context,
    task: TaskName,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write to this file, not to stdout.")
    ] = None,
    user: Annotated[bool, typer.Option("--user", help="For your own systemd, not the system's.")] = False,
    credentials: Annotated[
        bool,
        typer.Option("--credentials", help="Have `env()` read systemd credentials, not an environment file."),
    ] = False,
    metrics: Metrics = None,
) -> None:
    """Print a systemd unit that runs a task. It names the secrets that the task needs and never holds one."""
    from orchestrator.cli.tasks.generating import generate_unit

    generate_unit(invocation_of(context), task, out, for_user=user, credentials=credentials, metrics=metrics)
