"""What `dstream state` does once its arguments are read."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import typer

from orchestrator.cli.compose import services
from orchestrator.cli.events import emit
from orchestrator.cli.words import printable
from orchestrator.errors import EXIT_DONE, ConfigError
from orchestrator.pipeline.services import new_run_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from orchestrator.cli.invocation import Invocation

_SHOWN = 2000


def show_state(invocation: Invocation, name: str, *, variables: Sequence[str], files: Sequence[Path]) -> None:
    settings = invocation.settings()
    project = invocation.project(variables, files)
    task = project.task(name)
    with services(project, settings) as offered:
        checkpoint = offered.state.checkpoint(task.name)
        rejected = offered.state.dead_letters(task.name)
    state = None if checkpoint is None else checkpoint.state.decode("utf-8", "replace")
    if invocation.json:
        import json

        resume = None
        if checkpoint is not None:
            resume = {
                "id": checkpoint.id,
                "run_id": checkpoint.run_id,
                "records": checkpoint.records,
                "saved_at": checkpoint.saved_at,
                "source": checkpoint.identity.source,
                "provider": checkpoint.identity.provider,
                "state": json.loads(state or "null"),
            }
        emit({"event": "state", "task": name, "checkpoint": resume, "dead_letters": rejected})
        return
    if checkpoint is None:
        typer.echo(f"{name} has no stored state: a run begins anew")
    else:
        saved = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(checkpoint.saved_at))
        typer.echo(f"{name} resumes from checkpoint {checkpoint.id}, stored {saved} by run {checkpoint.run_id}")
        typer.echo(f"  input: {checkpoint.identity.provider} from {checkpoint.identity.source}")
        typer.echo(f"  state: {printable((state or '')[:_SHOWN])}")
    typer.echo(f"  dead letters: {rejected:,}")


def reset_state(
    invocation: Invocation, name: str, *, yes: bool, variables: Sequence[str], files: Sequence[Path]
) -> int:
    settings = invocation.settings()
    project = invocation.project(variables, files)
    task = project.task(name)
    if not yes:
        if sys.stdin is None or not sys.stdin.isatty():
            raise ConfigError("usage", "nobody can be asked: stdin is no terminal", hint="confirm with `--yes`")
        typer.confirm(
            f"{name} will begin anew and may repeat or skip what its input decides. Go on?", abort=True, err=True
        )
    run_id = new_run_id()
    with services(project, settings) as offered, offered.locks.acquire(task.name, run_id):
        had = offered.state.checkpoint(task.name)
        offered.state.reset(offered.state.claim(task.name, run_id))
    if invocation.json:
        emit({"event": "reset", "task": name, "checkpoint": None if had is None else had.id})
    elif not invocation.quiet:
        typer.echo(f"{name} will begin anew" if had else f"{name} had no stored state")
    return EXIT_DONE
