"""What `dstream status` does once its arguments are read."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any

import msgspec

from orchestrator.cli.tasks.plan_lines import part_lines, part_object
from orchestrator.cli.tasks.working import Asked, working
from orchestrator.cli.terminal import words
from orchestrator.cli.terminal.events import emit, error_event
from orchestrator.cli.terminal.failure import report
from orchestrator.cli.terminal.screen import show
from orchestrator.cli.views.redraw import again_and_again, watch_lines
from orchestrator.cli.views.run_lines import run_lines
from orchestrator.cli.views.task_rows import run_fields
from orchestrator.errors import EXIT_DONE, ConfigError, DstreamError
from orchestrator.logs import LOGS
from orchestrator.pipeline.lifecycle.status import InfrastructureStatus, infrastructure_status
from orchestrator.pipeline.loads import Load, Loads
from orchestrator.pipeline.survey import survey

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orchestrator.cli.invocation import Invocation
    from orchestrator.cli.tasks.working import Working
    from orchestrator.pipeline.survey import TaskStatus
    from orchestrator.runtime.base import Role


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What `status` shall tell of."""

    infrastructure: bool
    detailed: bool
    watch: bool


def show_each(
    invocation: Invocation, names: Sequence[str], asked: Asked, *, timeout: str | None, wanted: Wanted
) -> int:
    """The worst exit code. With several tasks one that cannot be told of hinders no other."""
    if len(names) == 1:
        return status_and_show(invocation, names[0], asked, timeout=timeout, wanted=wanted)
    if wanted.watch:
        raise ConfigError("usage", "`--watch` is about one task", hint="watch them all with `dstream ps --watch`")
    codes = []
    for number, name in enumerate(dict.fromkeys(names)):
        try:
            if number > 0 and not invocation.json:
                show([""])
            codes.append(status_and_show(invocation, name, asked, timeout=timeout, wanted=wanted))
        except DstreamError as error:
            report(error, invocation, task=name)
            codes.append(error.exit_code)
    return max(codes)


def status_and_show(invocation: Invocation, name: str, asked: Asked, *, timeout: str | None, wanted: Wanted) -> int:
    """The exit code: that of the first provider that could not tell."""
    found: InfrastructureStatus | None = None
    with working(invocation, name, asked, timeout) as work:
        run = _RunPart(work, detailed=wanted.detailed)
        if not (invocation.json or wanted.watch):
            show(run.lines())
        if wanted.infrastructure:
            try:
                found = work.call(infrastructure_status)
            except DstreamError as error:  # what is known of the run is told all the same
                found = InfrastructureStatus(failures=(error,))
            work.quiesce()
        if wanted.watch:
            _watch(invocation, work, run, found, detailed=wanted.detailed)
        elif invocation.json:
            emit(run.event(found))
        elif found is not None:
            show(infrastructure_lines(found, detailed=wanted.detailed))
    failures = found.failures if found is not None else ()
    for failure in failures:
        report(failure, invocation, task=name)
    return next((failure.exit_code for failure in failures), EXIT_DONE)


def _watch(
    invocation: Invocation, work: Working, run: _RunPart, found: InfrastructureStatus | None, *, detailed: bool
) -> None:
    """Look at the run again and again. Its infrastructure was asked once: that starts its providers."""
    told_at = time.time()

    def lines() -> Sequence[str]:
        told = list(run.lines())
        if found is not None:
            told += ["", f"infrastructure, as it was {words.age(time.time() - told_at)} ago:"]
            told += infrastructure_lines(found, detailed=detailed)
            told += [f"could not be told: {LOGS.redactor.text(str(failure))}" for failure in found.failures]
        return told

    if invocation.json:
        again_and_again(work.control, lambda: emit({**run.event(found), "infrastructure_at": told_at}))
    else:
        watch_lines(work.control, lines)


class _RunPart:
    """The first part, as it is whenever it is asked for."""

    def __init__(self, work: Working, *, detailed: bool) -> None:
        self._work = work
        self._detailed = detailed
        self._loads = Loads(work.services.controls, work.task.name)

    def lines(self) -> Iterator[str]:
        status, loads = self._look()
        return run_lines(status, time.time(), detailed=self._detailed, loads=loads)

    def event(self, found: InfrastructureStatus | None) -> dict[str, Any]:
        status, loads = self._look()
        return _event(status, loads if self._detailed else None, found)

    def _look(self) -> tuple[TaskStatus, dict[Role, Load]]:
        offered = self._work.services
        (status,) = survey([self._work.task.name], state=offered.state, locks=offered.locks, controls=offered.controls)
        if not self._detailed or status.live is None:
            return status, {}
        try:
            return status, self._loads.now()
        except DstreamError:  # it ends, or its engine hangs; the rest is worth showing
            return status, {}


def infrastructure_lines(found: InfrastructureStatus, *, detailed: bool) -> Iterator[str]:
    """The second part."""
    if found.busy is not None:
        yield ""
        yield f"its infrastructure is being worked on {found.busy}"
    for part in found.parts:
        yield ""
        yield from part_lines(part, every=True, detailed=detailed)
        yield from (f"    | {line}" for line in part.message.splitlines())


def _event(status: TaskStatus, loads: dict[Role, Load] | None, found: InfrastructureStatus | None) -> dict[str, Any]:
    infrastructure = None
    if found is not None:
        infrastructure = {
            "providers": [part_object(part) for part in found.parts],
            "failures": [error_event(failure, LOGS.redactor.text) for failure in found.failures],
            "busy": None if found.busy is None else msgspec.to_builtins(found.busy),
        }
    checkpoint, fields = status.checkpoint(LOGS.redactor.text), run_fields(status)
    return {
        "event": "status",
        "task": status.task,
        "run": {
            **fields,
            "running": fields["holder"],
            "checkpoint": None if checkpoint is None else {"id": checkpoint.id, "saved_at": checkpoint.saved_at},
            **({} if loads is None else {"loads": {role: dataclasses.asdict(load) for role, load in loads.items()}}),
        },
        "infrastructure": infrastructure,
    }
