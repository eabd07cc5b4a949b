"""What `dstream run` does once its arguments are read."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from orchestrator.cli.compose import services, state_folder
from orchestrator.cli.runs.exposing import exposed
from orchestrator.cli.runs.signals import Signals
from orchestrator.cli.runs.watching import watching_for
from orchestrator.cli.tasks.working import feeding
from orchestrator.errors import EXIT_DONE
from orchestrator.metrics.address import parse_address
from orchestrator.pipeline.observe import RunControl
from orchestrator.pipeline.run import run_task

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.cli.invocation import Invocation
    from orchestrator.cli.runs.order import Order
    from orchestrator.pipeline.observe import Phase, RunSummary


def run_and_watch(invocation: Invocation, order: Order, *, unread: Callable[[], None] | None = None) -> int:
    """Run the task and tell whoever watches; the exit code. Raises `DstreamError` before providers start.

    `unread` is called once when nobody reads stdout any more; without it the run drains then.
    """
    settings = invocation.settings()
    name, wishes = order.task, order.wishes
    options = replace(wishes.options(settings), order=msgspec.to_builtins(order))
    address = None if wishes.metrics is None else parse_address(wishes.metrics)
    project = invocation.project(order.variables, order.var_files)
    task = project.task(name)
    control = RunControl()
    signals = Signals(control)

    remembered = partial(order.kept, state_folder(project, settings))
    phases: set[Phase] = set()

    def entered(phase: Phase) -> None:
        phases.add(phase)
        signals.preparing = phase == "preparing"

    def failed(summary: RunSummary) -> None:
        if summary.counts.relayed or invocation.json:
            watching.summary(summary)

    watching = watching_for(invocation, settings, unread=unread or control.drain, entered=entered)
    exposure = exposed(address, project.path.parent.name, os.environ, served=watching.serving, warn=watching.warning)
    with exposure as expose, services(project, settings, locked=wishes.locked) as offered, signals:
        with feeding(
            invocation,
            watching,
            signals,
            unstarted=f"{name} stopped before anything was started",
            killed=f"{name} killed; what was not acknowledged is sent again",
            tell=failed,
        ):
            summary = run_task(task, offered, replace(options, expose=(remembered, *expose)), watching, control)
        if "running" in phases or invocation.json:
            watching.summary(summary)
        else:
            watching.screen.note(f"{name} stopped before its input was read")
    return EXIT_DONE
