"""What the verbs that feed something stored to a task's output do: `run --replay` and `dead-letters replay`."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import TYPE_CHECKING, Any

from orchestrator.cli.compose import services
from orchestrator.cli.runs.signals import Signals
from orchestrator.cli.runs.watching import watching_for
from orchestrator.cli.tasks.working import feeding
from orchestrator.cli.terminal import words
from orchestrator.cli.terminal.events import emit
from orchestrator.errors import EXIT_DONE, EXIT_FAILED, ConfigError
from orchestrator.pipeline.observe import RunControl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from orchestrator.cli.invocation import Invocation
    from orchestrator.cli.runs.order import Wishes
    from orchestrator.pipeline.observe import Phase, RunSummary


def replayable(names: Sequence[str], wishes: Wishes, *, every: bool, detached: bool) -> str:
    """The one task that `run --replay` is about. Raises `ConfigError` (`usage`)."""
    if len(names) != 1 or every:
        raise ConfigError("usage", "`--replay` is about one task", hint="name it")
    if detached or wishes.record is not None or wishes.metrics is not None:
        raise ConfigError("usage", "a replay neither detaches, nor records, nor serves metrics", hint="leave those out")
    return names[0]


def replay_record(
    invocation: Invocation, name: str, wishes: Wishes, folder: Path, *, variables: Sequence[str], files: Sequence[Path]
) -> int:
    """Feed the record in `folder` to the task's output; the exit code, `EXIT_FAILED` where it rejected some."""
    from orchestrator.pipeline import replay

    def told(summary: RunSummary) -> str:
        rejected = summary.counts.rejected
        return f"; {words.records(rejected)} rejected, and kept nowhere but in the record" if rejected else ""

    work = partial(replay.replay_record, folder=folder)
    return feed_and_watch(invocation, name, wishes, work, told, variables=variables, files=files)


def feed_and_watch(
    invocation: Invocation,
    name: str,
    wishes: Wishes,
    work: Callable[..., RunSummary],
    told: Callable[[RunSummary], str],
    *,
    variables: Sequence[str],
    files: Sequence[Path],
) -> int:
    """Have `work` done, which takes what `run_task` takes, and tell what came of it; `told` is said of the rejected."""
    settings = invocation.settings()
    options = wishes.options(settings)
    project = invocation.project(variables, files)
    task = project.task(name)
    control = RunControl()
    signals = Signals(control)

    def entered(phase: Phase) -> None:
        signals.preparing = phase == "preparing"

    watching = watching_for(invocation, settings, unread=control.drain, entered=entered)

    def tell(summary: RunSummary) -> None:
        if invocation.json:
            emit(_event(summary))
        else:
            watching.screen.note(_line(summary) + told(summary))

    with services(project, settings, locked=wishes.locked) as offered, signals:
        with feeding(
            invocation,
            watching,
            signals,
            unstarted=f"{name} stopped before anything was replayed",
            killed=f"{name} killed; replay again what was not acknowledged",
            tell=tell,
        ):
            summary = work(task, offered, options, watching, control)
        tell(summary)
    return EXIT_FAILED if summary.counts.rejected else EXIT_DONE


def _event(summary: RunSummary) -> dict[str, Any]:
    counts = dataclasses.asdict(summary.counts)
    told = {"task": summary.task, "run_id": summary.run_id, "outcome": summary.outcome, "delivery": summary.delivery}
    return {"event": "replay", **told, "duration_s": summary.duration_s, **counts}


def _line(summary: RunSummary) -> str:
    """`orders replayed 5 records in 0.4 s: 4 delivered`."""
    counts = summary.counts
    began = f"{summary.task} replayed {words.records(counts.relayed)} in {words.duration(summary.duration_s)}"
    return f"{began}: {words.count(counts.delivered)} delivered"
