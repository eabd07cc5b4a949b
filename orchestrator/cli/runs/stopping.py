"""What `dstream stop` and `dstream restart` do once their arguments are read."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec
import typer

from orchestrator.cli.compose import services, state_folder
from orchestrator.cli.runs.detaching import detach
from orchestrator.cli.runs.order import Order, Wishes, last_order, order_for
from orchestrator.cli.runs.starting import named_or_every
from orchestrator.cli.terminal import words
from orchestrator.cli.terminal.events import emit
from orchestrator.cli.terminal.failure import report
from orchestrator.cli.terminal.screen import Screen
from orchestrator.cli.terminal.values import seconds
from orchestrator.errors import EXIT_DONE, ConfigError, DstreamError, RunError, UnavailableError
from orchestrator.logs import LOGS
from orchestrator.pipeline.stopping import Stage, Stopped, stop_task

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from orchestrator.cli.invocation import Invocation
    from orchestrator.config.model import Kind, Project
    from orchestrator.pipeline.services import Services

_TOGETHER = 16

_WAITS: Mapping[Stage, str] = {
    "draining": "drains, which may take {}",
    "not answering": "does not answer: it has {} to drain all the same",
    "ending": "did not drain in time: it is told to end at once, and has {} for that",
    "dying": "did not end in time: its process was killed, and has {} to die",
}


def stop_and_show(invocation: Invocation, names: Sequence[str], *, every: bool, grace: str | None) -> int:
    """The worst exit code: that of a task that could not be stopped."""
    project = invocation.project()
    with services(project, invocation.settings(), shared=False) as offered:
        chosen = _chosen(project, offered, names, every=every)
        return _stop(invocation, project, offered, chosen, seconds(grace, "--grace"))


def restart_and_show(
    invocation: Invocation,
    names: Sequence[str],
    *,
    every: bool,
    grace: str | None,
    wait: str | None,
    variables: Sequence[str],
    files: Sequence[Path],
) -> int:
    """The worst exit code of either half. A task that cannot be run again is not stopped."""
    project, settings = invocation.project(), invocation.settings()
    with services(project, settings, shared=False) as offered:
        chosen = list(dict.fromkeys(named_or_every(names, every, list(project.tasks))))
        for name in chosen:
            if name not in project.tasks:
                project.task(name)  # says so
        kept = state_folder(project, settings)
        given = [order_for(invocation, name, Wishes(), variables, files) for name in chosen]
        orders = [_order_again(order, offered, kept) for order in given]
        code = _stop(invocation, project, offered, chosen, seconds(grace, "--grace"))
    if code != EXIT_DONE:
        return code
    return detach(invocation, orders, wait=seconds(wait, "--wait-timeout"))


def _chosen(project: Project, offered: Services, names: Sequence[str], *, every: bool) -> list[str]:
    """The tasks that are meant. One that was taken out of the file may still be running."""
    ran = {run.task for run in offered.state.open_runs()}
    chosen = list(dict.fromkeys(named_or_every(names, every, sorted(ran | set(project.tasks)))))
    for name in chosen:
        if name not in project.tasks and name not in ran:
            project.task(name)  # says so
    return chosen


def _stop(
    invocation: Invocation, project: Project, offered: Services, names: Sequence[str], grace: float | None
) -> int:
    screen = Screen(invocation)
    kinds = _kinds(project)

    def one(name: str) -> int:
        def waiting(stage: Stage, left: float) -> None:
            screen.note(f"{name} {_WAITS[stage].format(words.duration(left))}")

        try:
            _show(invocation, stop_task(name, offered, grace, kinds=kinds.get(name, ()), waiting=waiting))
        except DstreamError as error:
            report(error, invocation, task=name)
            return error.exit_code
        return EXIT_DONE

    with ThreadPoolExecutor(_TOGETHER) as pool:
        return max(pool.map(one, names), default=EXIT_DONE)


def _kinds(project: Project) -> Mapping[str, Collection[Kind]]:
    """What each task's providers are, where no variable has to be set to know that."""
    found: dict[str, set[Kind]] = {}
    with contextlib.suppress(ConfigError):  # a run can be stopped whatever is wrong in the file
        for use in project.uses():
            found.setdefault(use.task, set()).add(use.kind)
    return found


def _show(invocation: Invocation, stopped: Stopped) -> None:
    if invocation.json:
        last = stopped.last
        outcome = None if last is None or stopped.was == "not running" else last.outcome
        emit(
            {
                "event": "stopped",
                "task": stopped.task,
                "was": stopped.was,
                "outcome": outcome,
                "forced": stopped.forced,
                "removed": stopped.removed,
            }
        )
    elif not invocation.quiet:
        typer.echo(_sentence(stopped))


def _sentence(stopped: Stopped) -> str:
    task = stopped.task
    cleaned = f"cleaned up {stopped.removed} provider(s) that "
    if stopped.was == "not running":
        return f"{task} was not running" + (f"; {cleaned}a killed command left" if stopped.removed else "")
    if stopped.was == "killed" or stopped.forced == "killed":
        why = "its process had been killed" if stopped.was == "killed" else "it did not end in time and was killed"
        left = f"{cleaned}it left" if stopped.removed else "it left nothing"
        return f"{task} is stopped: {why}, {left}"
    if stopped.forced == "ended":
        return f"{task} is stopped: it did not drain in time and was ended"
    error = stopped.last.error if stopped.last is not None else None
    return f"{task} is stopped" + (f", and failed: {words.printable(LOGS.redactor.text(error))}" if error else "")


def _order_again(given: Order, offered: Services, kept: Path) -> Order:
    """What the run that there is, or was, had been asked for, and what is `given` now. Raises `ConfigError`."""
    name = given.task
    try:
        before = msgspec.convert(offered.controls.ask(name, "order"), Order)
        values = before.variables
    except (RunError, UnavailableError) as error:
        if error.code == "run.replay":
            raise  # the order that is kept is an earlier run's
        last = last_order(kept, name)
        if last is None:
            return given
        before, values = last, ()
        lost = [
            variable for variable in last.variables if not any(v.startswith(f"{variable}=") for v in given.variables)
        ]
        if lost:
            options = " ".join(f"--var {variable}=…" for variable in lost)
            raise ConfigError(
                "restart.variables",
                f"the last run of task `{name}` was given variables whose values nobody knows any more",
                hint=f"give them again: `dstream restart {name} {options}`",
            ) from None
    return msgspec.structs.replace(
        before,
        variables=(*values, *given.variables),
        var_files=(*before.var_files, *given.var_files),
        engine_host=given.engine_host or before.engine_host,
        log_level=given.log_level or before.log_level,
        attached=False,
    )
