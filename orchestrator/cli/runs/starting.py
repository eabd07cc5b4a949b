"""What `dstream run` does once its arguments are read: here, or in a process of its own for each task."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import typer

from orchestrator.cli.compose import state_folder
from orchestrator.cli.runs.order import order_for
from orchestrator.cli.terminal.events import emit
from orchestrator.errors import ConfigError
from orchestrator.metrics.address import parse_address
from orchestrator.state.lock import Locks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from orchestrator.cli.invocation import Invocation
    from orchestrator.cli.runs.order import Wishes
    from orchestrator.state.lock import Holder


def start(
    invocation: Invocation,
    names: Sequence[str],
    wishes: Wishes,
    *,
    every: bool,
    detached: bool,
    wait: float | None,
    variables: Sequence[str],
    files: Sequence[Path],
) -> int:
    """Run the tasks: one in this process, several or `detached` ones in supervisors. The exit code.

    With `every` those that are being run already are left to it.
    """
    if wait is not None and not detached:
        raise ConfigError("usage", "`--wait-timeout` is about `--detach`", hint="leave it out, or add `--detach`")
    if len(names) == 1 and not detached:
        from orchestrator.cli.runs.running import run_and_watch

        return run_and_watch(invocation, order_for(invocation, names[0], wishes, variables, files))
    project = invocation.project(variables, files)
    if wishes.record is not None and (every or len(names) > 1):
        raise ConfigError("usage", "`--record` is about one task", hint="run it on its own")
    chosen = list(dict.fromkeys(named_or_every(names, every, project.tasks)))
    for name in chosen:
        if name not in project.tasks:
            project.task(name)  # says so before any other one is started
    orders = [
        msgspec.structs.replace(
            order_for(invocation, name, _following(wishes, place), variables, files), attached=not detached
        )
        for place, name in enumerate(chosen)
    ]
    if every:
        locks = Locks(state_folder(project, invocation.settings()))
        holders = {name: locks.running(name) for name in chosen}
        for name, holder in holders.items():
            if holder is not None:
                _leave(invocation, name, holder)
        orders = [order for order in orders if holders[order.task] is None]
    if detached:
        from orchestrator.cli.runs.detaching import detach

        return detach(invocation, orders, wait=wait, skip_running=every)
    from orchestrator.cli.runs.attending import attend

    return attend(invocation, orders)


def named_or_every(names: Sequence[str], every: bool, known: Iterable[str]) -> Sequence[str]:
    """The tasks that are meant. Raises `ConfigError` (`usage`) where none is, or both."""
    if every == bool(names):
        raise ConfigError("usage", "say which tasks", hint="name them, or write `--all` for all of them")
    return list(known) if every else names


def _following(wishes: Wishes, place: int) -> Wishes:
    """The same for the task at that place: every run has an address of its own for its figures."""
    if wishes.metrics is None:
        return wishes
    return replace(wishes, metrics=str(parse_address(wishes.metrics).following(place)))


def _leave(invocation: Invocation, name: str, holder: Holder) -> None:
    if invocation.json:
        emit({"event": "started", "task": name, "state": "running", "already": True, "pid": holder.pid})
    elif not invocation.quiet:
        typer.echo(f"{name} is being run already, {holder}")
