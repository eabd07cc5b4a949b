"""`status`: what is known of a task on this host, and what its infrastructure is like."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.config.model import Task
from orchestrator.errors import DstreamError
from orchestrator.pipeline.lifecycle.plan import ProviderPart
from orchestrator.pipeline.lifecycle.work import MAKING_ORDER, working
from orchestrator.pipeline.observe import Observer, RunControl
from orchestrator.pipeline.services import RunOptions, Services
from orchestrator.state.lock import Holder
from orchestrator.state.names import infrastructure_of


@dataclass(frozen=True, slots=True)
class InfrastructureStatus:
    """The parts of the providers that told; `failures` are of those that did not.

    With `busy` none was asked: that process is just working on it.
    """

    parts: tuple[ProviderPart, ...] = ()
    failures: tuple[DstreamError, ...] = ()
    busy: Holder | None = None


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
