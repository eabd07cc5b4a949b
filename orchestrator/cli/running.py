"""What `dstream run` does once its arguments are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.cli import words
from orchestrator.cli.compose import services
from orchestrator.cli.failure import report
from orchestrator.cli.signals import Interrupted, Signals
from orchestrator.cli.values import seconds
from orchestrator.cli.watching import watching_for
from orchestrator.errors import EXIT_DONE, DstreamError
from orchestrator.pipeline.observe import RunControl, RunSummary
from orchestrator.pipeline.run import run_task
from orchestrator.pipeline.services import RunOptions
from orchestrator.pipeline.watch import Forced
from orchestrator.relay.channel import Halted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from orchestrator.cli.invocation import Invocation
    from orchestrator.pipeline.observe import Phase
    from orchestrator.pipeline.sources import PullPolicy


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options of `run` as they were written; None leaves the choice to the settings."""

    pull: PullPolicy | None = None
    locked: bool = False
    max_records: int | None = None
    timeout: str | None = None
    grace: str | None = None


def run_and_watch(
    invocation: Invocation, name: str, wishes: Wishes, *, variables: Sequence[str], files: Sequence[Path]
) -> int:
    """Run the task and tell whoever watches; the exit code. Raises `DstreamError` before providers start."""
    settings = invocation.settings()
    options = RunOptions(
        pull=wishes.pull or settings.pull,
        max_records=wishes.max_records,
        timeout=seconds(wishes.timeout, "--timeout"),
        grace=seconds(wishes.grace, "--grace") or settings.grace,
    )
    project = invocation.project(variables, files)
    task = project.task(name)
    control = RunControl()
    signals = Signals(control)

    phases: set[Phase] = set()

    def entered(phase: Phase) -> None:
        phases.add(phase)
        signals.preparing = phase == "preparing"

    watching = watching_for(invocation, settings, unread=control.drain, entered=entered)
    screen = watching.screen
    with services(project, settings, locked=wishes.locked) as offered, signals:
        try:
            summary = run_task(task, offered, options, watching, control)
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
