"""What `dstream run` does once its arguments are read."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from orchestrator.cli import words
from orchestrator.cli.compose import services, state_folder
from orchestrator.cli.exposing import exposed
from orchestrator.cli.failure import report
from orchestrator.cli.signals import Interrupted, Signals
from orchestrator.cli.values import seconds
from orchestrator.cli.watching import watching_for
from orchestrator.errors import EXIT_DONE, DstreamError
from orchestrator.metrics.address import parse_address
from orchestrator.pipeline.observe import RunControl, RunSummary
from orchestrator.pipeline.run import run_task
from orchestrator.pipeline.services import RunOptions
from orchestrator.pipeline.watch import Forced
from orchestrator.relay.channel import Halted

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.cli.invocation import Invocation
    from orchestrator.cli.order import Order
    from orchestrator.pipeline.observe import Phase


def run_and_watch(invocation: Invocation, order: Order, *, unread: Callable[[], None] | None = None) -> int:
    """Run the task and tell whoever watches; the exit code. Raises `DstreamError` before providers start.

    `unread` is called once when nobody reads stdout any more; without it the run drains then.
    """
    settings = invocation.settings()
    name, wishes = order.task, order.wishes
    options = RunOptions(
        pull=wishes.pull or settings.pull,
        max_records=wishes.max_records,
        timeout=seconds(wishes.timeout, "--timeout"),
        grace=seconds(wishes.grace, "--grace") or settings.grace,
        record=None if wishes.record is None else Path(wishes.record),
        order=msgspec.to_builtins(order),
    )
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

    watching = watching_for(invocation, settings, unread=unread or control.drain, entered=entered)
    screen = watching.screen
    exposure = exposed(address, project.path.parent.name, os.environ, served=watching.serving, warn=watching.warning)
    with exposure as expose, services(project, settings, locked=wishes.locked) as offered, signals:
        try:
            summary = run_task(task, offered, replace(options, expose=(remembered, *expose)), watching, control)
        except (Interrupted, Halted):
            watching.close()
            screen.note(f"{name} stopped before anything was started")
            return EXIT_DONE
        except Forced:
            watching.close()
            screen.say(words.warning(f"{name} killed; what was not acknowledged is sent again", color=screen.color))
            return signals.exit_code
        except DstreamError as error:
            watching.close()
            figures = getattr(error, "summary", None)
            if isinstance(figures, RunSummary) and (figures.counts.relayed or invocation.json):
                watching.summary(figures)
            report(error, invocation)
            return error.exit_code
        finally:
            watching.close()
        if "running" in phases or invocation.json:
            watching.summary(summary)
        else:
            screen.note(f"{name} stopped before its input was read")
    return EXIT_DONE
