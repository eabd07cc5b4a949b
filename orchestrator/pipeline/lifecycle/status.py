"""`status`: what is known of a task on this host, and what its infrastructure is like."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.config.model import Task
from orchestrator.errors import DstreamError
from orchestrator.pipeline.lifecycle.plan import ProviderPart
from orchestrator.pipeline.lifecycle.work import MAKING_ORDER, working
from orchestrator.pipeline.observe import Observer, RunControl
from orchestrator.pipeline.services import RunOptions, Services
from orchestrator.pipeline.survey import TaskStatus, survey
from orchestrator.state.lock import Holder
from orchestrator.state.names import infrastructure_of
from orchestrator.state.store import Checkpoint


@dataclass(frozen=True, slots=True)
class RunStatus:
    """`now` is how the task is, `running` who runs it on this host at this moment."""

    now: TaskStatus
    running: Holder | None
    checkpoint: Checkpoint | None
    dead_letters: int


@dataclass(frozen=True, slots=True)
class InfrastructureStatus:
    """The parts of the providers that told; `failures` are of those that did not.

    With `busy` none was asked: that process is just working on it.
    """

    parts: tuple[ProviderPart, ...] = ()
    failures: tuple[DstreamError, ...] = ()
    busy: Holder | None = None


def run_status(task: Task, services: Services) -> RunStatus:
    """From what its run says and what is stored, without starting anything. Blocks, and raises, as `survey` does."""
    state = services.state
    (now,) = survey([task.name], state=state, locks=services.locks, controls=services.controls)
    return RunStatus(
        now=now,
        running=services.locks.running(task.name) if now.running else None,
        checkpoint=state.checkpoint(task.name),
        dead_letters=state.dead_letters(task.name),
    )


def infrastructure_status(
    task: Task, services: Services, options: RunOptions, observer: Observer, control: RunControl
) -> InfrastructureStatus:
    """Ask each provider that has infrastructure. Blocks; the task may be running meanwhile. Raises as `Work` does."""
    busy = services.locks.held(infrastructure_of(task.name))
    if busy is not None:
        return InfrastructureStatus(busy=busy)
    parts: list[ProviderPart] = []
    failures: list[DstreamError] = []
    with working(task, services, options, observer, control, alters=False) as work:
        work.discover(needed=False)
        for role in MAKING_ORDER:
            if not work.owns(role, "status"):
                parts.append(work.part(role))
                continue
            try:
                reply = work.answered(role, "status", work.command(role, "status"))
            except DstreamError as failure:
                failures.append(failure)
            else:
                parts.append(work.part(role, reply))
    return InfrastructureStatus(tuple(parts), tuple(failures))
