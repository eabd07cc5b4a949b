"""What `dstream state` does once its arguments are read."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from orchestrator.cli.tasks.working import stored
from orchestrator.cli.terminal import words
from orchestrator.cli.terminal.confirm import confirm
from orchestrator.cli.terminal.events import emit
from orchestrator.durable import replacing
from orchestrator.errors import EXIT_DONE, ConfigError, RunError, Where
from orchestrator.pipeline.state_changes import Changed, import_state, importable, reset_state
from orchestrator.state.backups import Backups
from orchestrator.state.exported import Exported, decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.cli.invocation import Invocation
    from orchestrator.pipeline.sources import PullPolicy

_SHOWN = 2000
STDIN = Path("-")


def show_state(invocation: Invocation, name: str, *, variables: Sequence[str], files: Sequence[Path]) -> None:
    with stored(invocation, name, variables=variables, files=files) as at:
        checkpoint = at.services.state.checkpoint(name)
        rejected = at.services.state.dead_letters(name)
        backups = Backups(at.folder).of(name)
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
        kept = [str(path) for path in backups]
        emit({"event": "state", "task": name, "checkpoint": resume, "dead_letters": rejected, "backups": kept})
        return
    if checkpoint is None:
        typer.echo(f"{name} has no stored state: a run begins anew")
    else:
        saved = words.day_and_time(checkpoint.saved_at)
        typer.echo(f"{name} resumes from checkpoint {checkpoint.id} of run {checkpoint.run_id}, stored {saved}")
        typer.echo(f"  input: {checkpoint.identity.provider} from {checkpoint.identity.source}")
        typer.echo(f"  state: {words.printable((state or '')[:_SHOWN])}")
    typer.echo(f"  dead letters: {rejected:,}")
    if backups:
        typer.echo(f"  backups: {len(backups)}, the newest is {backups[0]}")


def export_state(
    invocation: Invocation, name: str, out: Path | None, *, variables: Sequence[str], files: Sequence[Path]
) -> int:
    with stored(invocation, name, variables=variables, files=files) as at:
        checkpoint = at.services.state.checkpoint(name)
    if checkpoint is None:
        message = f"task `{name}` has no stored state to export"
        raise RunError(
            "state.none", message, hint="a run stores one with every checkpoint that its output acknowledges"
        )
    content = Exported.of(checkpoint).encode()
    if out is None:
        sys.stdout.buffer.write(content)
        return EXIT_DONE
    try:
        with replacing(out) as file:
            file.write(content)
    except OSError as error:
        message = f"cannot write `{out}`: {error.strerror}"
        raise ConfigError("export.unwritable", message, where=Where(file=str(out))) from error
    if invocation.json:
        emit({"event": "exported", "task": name, "checkpoint": checkpoint.id, "file": str(out)})
    elif not invocation.quiet:
        typer.echo(f"wrote checkpoint {checkpoint.id} of {name} to {out}")
    return EXIT_DONE


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a state is imported from: the file, what the task was called then, and how its input is got."""

    file: Path
    was: str | None
    pull: PullPolicy | None


def import_into(
    invocation: Invocation, name: str, origin: Origin, *, yes: bool, variables: Sequence[str], files: Sequence[Path]
) -> int:
    shown = "stdin" if origin.file == STDIN else str(origin.file)
    exported = decode(_content(origin.file), shown)
    with stored(invocation, name, variables=variables, files=files) as at:
        pull = origin.pull or at.settings.pull
        checkpoint = importable(exported, at.task, at.services, pull=pull, was=origin.was, name=shown)
        saved = words.day_and_time(checkpoint.saved_at)
        point = f"checkpoint {checkpoint.id} of run {checkpoint.run_id}, stored {saved}"
        if not yes:
            confirm(f"{name} will resume from {point}, and repeat or skip what was done since. Go on?")
        changed = import_state(at.task, at.services, Backups(at.folder), checkpoint)
    if invocation.json:
        before = None if changed.before is None else changed.before.id
        emit({"event": "import", "task": name, "checkpoint": checkpoint.id, "before": before, **_backup(changed)})
    elif not invocation.quiet:
        typer.echo(f"{name} will resume from {point}")
        _tell_backup(name, changed)
    return EXIT_DONE


def reset_and_tell(
    invocation: Invocation, name: str, *, yes: bool, variables: Sequence[str], files: Sequence[Path]
) -> int:
    with stored(invocation, name, variables=variables, files=files) as at:
        if not yes:
            confirm(f"{name} will begin anew and may repeat or skip what its input decides. Go on?")
        changed = reset_state(at.task, at.services, Backups(at.folder))
    if invocation.json:
        before = None if changed.before is None else changed.before.id
        emit({"event": "reset", "task": name, "checkpoint": before, **_backup(changed)})
    elif not invocation.quiet:
        typer.echo(f"{name} will begin anew" if changed.before else f"{name} had no stored state")
        _tell_backup(name, changed)
    return EXIT_DONE


def _content(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == STDIN else file.read_bytes()
    except OSError as error:
        message = f"cannot read `{file}`: {error.strerror}"
        raise ConfigError("state.document", message, where=Where(file=str(file))) from error


def _backup(changed: Changed) -> dict[str, str | None]:
    return {"backup": None if changed.backup is None else str(changed.backup)}


def _tell_backup(name: str, changed: Changed) -> None:
    if changed.backup is not None:
        typer.echo(f"  to undo it: dstream state import {shlex.quote(name)} {shlex.quote(str(changed.backup))}")
