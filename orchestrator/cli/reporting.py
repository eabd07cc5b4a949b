"""What `dstream status` does once its arguments are read."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any

import msgspec

from orchestrator.cli import words
from orchestrator.cli.asking import Asked, show
from orchestrator.cli.events import emit, error_event
from orchestrator.cli.failure import report
from orchestrator.cli.lifecycle import working
from orchestrator.cli.plan_lines import part_lines, part_object
from orchestrator.errors import EXIT_DONE, DstreamError
from orchestrator.logs import LOGS
from orchestrator.pipeline.lifecycle.status import (
    InfrastructureStatus,
    RunStatus,
    infrastructure_status,
    run_status,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.cli.invocation import Invocation
    from orchestrator.state.store import PastRun


def status_and_show(
    invocation: Invocation, name: str, asked: Asked, *, timeout: str | None, infrastructure: bool, detailed: bool
) -> int:
    """The exit code: that of the first provider that could not tell."""
    found: InfrastructureStatus | None = None
    with working(invocation, name, asked, timeout) as work:
        run = run_status(work.task, work.services)
        if not invocation.json:
            show(run_lines(name, run))
        if infrastructure:
            try:
                found = work.call(infrastructure_status)
            except DstreamError as error:  # what is known of the run is told all the same
                found = InfrastructureStatus(failures=(error,))
            work.quiesce()
    if invocation.json:
        emit(_event(name, run, found))
    elif found is not None:
        show(infrastructure_lines(found, detailed=detailed))
    failures = found.failures if found is not None else ()
    for failure in failures:
        report(failure, invocation)
    return next((failure.exit_code for failure in failures), EXIT_DONE)


def run_lines(name: str, run: RunStatus) -> Iterator[str]:
    """The first part."""
    yield f"{name} is being run {run.running}" if run.running else f"{name} is not running on this host"
    if run.last is not None and (run.running is None or run.last.run_id != run.running.run_id):
        yield f"    last run: {_past(run.last)}"
        if run.last.error:
            yield f"    its error: {LOGS.redactor.text(run.last.error)}"
    if run.checkpoint is None:
        yield "    no stored state: a run begins anew"
    else:
        stored = words.age(time.time() - run.checkpoint.saved_at)
        yield f"    state: checkpoint {run.checkpoint.id}, stored {stored} ago"
    if run.dead_letters:
        yield f"    dead letters: {run.dead_letters:,}"


def infrastructure_lines(found: InfrastructureStatus, *, detailed: bool) -> Iterator[str]:
    """The second part."""
    if found.busy is not None:
        yield ""
        yield f"its infrastructure is being worked on {found.busy}"
    for part in found.parts:
        yield ""
        yield from part_lines(part, every=True, detailed=detailed)
        yield from (f"    | {line}" for line in part.message.splitlines())


def _past(last: PastRun) -> str:
    if last.ended_at is None:
        return f"began {words.age(time.time() - last.started_at)} ago, and was killed"
    ended = words.age(time.time() - last.ended_at)
    took = words.duration(last.ended_at - last.started_at)
    relayed = words.records(last.figures.get("relayed"))
    return f"{last.outcome} {ended} ago after {took}: {relayed} relayed, {last.delivery or 'delivery unknown'}"


def _event(name: str, run: RunStatus, found: InfrastructureStatus | None) -> dict[str, Any]:
    infrastructure = None
    if found is not None:
        infrastructure = {
            "providers": [part_object(part) for part in found.parts],
            "failures": [error_event(failure, LOGS.redactor.text) for failure in found.failures],
            "busy": None if found.busy is None else msgspec.to_builtins(found.busy),
        }
    checkpoint = run.checkpoint
    return {
        "event": "status",
        "task": name,
        "run": {
            "running": None if run.running is None else msgspec.to_builtins(run.running),
            "last": None if run.last is None else dataclasses.asdict(run.last),
            "checkpoint": None if checkpoint is None else {"id": checkpoint.id, "saved_at": checkpoint.saved_at},
            "dead_letters": run.dead_letters,
        },
        "infrastructure": infrastructure,
    }
