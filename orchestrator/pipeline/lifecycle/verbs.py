"""`plan`, `init` and `destroy`. Each blocks, and is called from the main thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from dstream_sdk.protocol import Resource
from orchestrator.config.model import Task
from orchestrator.errors import DstreamError, RunError
from orchestrator.pipeline.lifecycle.binding import refuse_stale
from orchestrator.pipeline.lifecycle.forecast import forecast
from orchestrator.pipeline.lifecycle.plan import Plan, ProviderPart
from orchestrator.pipeline.lifecycle.resources import Reply
from orchestrator.pipeline.lifecycle.saved import load
from orchestrator.pipeline.lifecycle.work import MAKING_ORDER, Verb, Work, refuse_loss, working
from orchestrator.pipeline.observe import Observer, RunControl
from orchestrator.pipeline.services import RunOptions, Services
from orchestrator.runtime.base import Role


class LifecycleFailed(DstreamError):
    """A verb's own failure, with the parts that were done until then. Everything else is the cause's."""

    def __init__(self, cause: DstreamError, verb: Verb, task: str, done: tuple[ProviderPart, ...]) -> None:
        onwards = f"`dstream {verb} {task}` goes on from what is there"
        super().__init__(
            cause.code, cause.message, hint=f"{cause.hint}; {onwards}" if cause.hint else onwards, where=cause.where
        )
        self.exit_code = cause.exit_code  # type: ignore[misc]  # the cause's, not the class's
        self.done = done


@dataclass(frozen=True, slots=True)
class Approval:
    """What stands between a plan and its execution.

    `show` is told the plan first. Then it is compared with the one in the file `saved`, if there is one; `destroy`
    knows none. It is refused where data would be lost without `allow_data_loss`. `approve` comes last and raises what
    is to end it.
    """

    show: Callable[[Plan], None]
    approve: Callable[[Plan], None]
    allow_data_loss: bool = False
    saved: Path | None = None


def plan_task(
    task: Task,
    services: Services,
    options: RunOptions,
    observer: Observer,
    control: RunControl,
    *,
    destroy: bool = False,
) -> Plan:
    """What `init` would do, or `destroy`; changes nothing. The task may be running meanwhile.

    Raises `RunError` for a provider that fails, and what `working` and `Work` do.
    """
    with working(task, services, options, observer, control, alters=False) as work:
        work.discover(needed=not destroy)
        return _plan(work, destroy=destroy)


def init_task(
    task: Task,
    services: Services,
    options: RunOptions,
    observer: Observer,
    control: RunControl,
    *,
    approval: Approval,
) -> tuple[ProviderPart, ...]:
    """Make what is missing and update what differs, of the output first; what was done by whom.

    Raises `ConfigError` (`plan.…`) for a saved plan that does not hold any more, `RunError`
    (`infrastructure.data_loss`), `LifecycleFailed` once something may have been done, and as `plan_task` does.
    """
    saved = None if approval.saved is None else load(approval.saved, task.name)
    with working(task, services, options, observer, control, alters=True) as work:
        work.discover(needed=True)
        plan = _plan(work, destroy=False)
        approval.show(plan)
        if saved is not None:
            refuse_stale(saved, plan, task)
        _approve(plan, work, "init", approval)
        return _carry_out(work, "init", MAKING_ORDER, allow_data_loss=approval.allow_data_loss)


def destroy_task(
    task: Task,
    services: Services,
    options: RunOptions,
    observer: Observer,
    control: RunControl,
    *,
    approval: Approval,
) -> tuple[ProviderPart, ...]:
    """Remove what `init` made for the task, of the input first; what was done by whom. Raises as `init_task` does."""
    with working(task, services, options, observer, control, alters=True) as work:
        work.discover(needed=False)
        plan = _plan(work, destroy=True)
        approval.show(plan)
        _approve(plan, work, "destroy", approval)
        return _carry_out(work, "destroy", MAKING_ORDER[::-1], allow_data_loss=approval.allow_data_loss)


def _plan(work: Work, *, destroy: bool) -> Plan:
    order = MAKING_ORDER[::-1] if destroy else MAKING_ORDER
    verb: Verb = "destroy" if destroy else "init"
    taking_part = [role for role in order if work.owns(role, "plan") or work.owns(role, verb)]
    replies = {role: _planned(work, role, destroy=destroy) for role in taking_part}
    parts = tuple(work.part(role, replies.get(role)) for role in order)
    run = None
    if not destroy:
        stored = work.session.services.state.checkpoint(work.task.name)
        run = forecast(work.task, work.prepared["input"], work.prepared["output"], work.streams, stored)
    return Plan(work.task.name, destroy, parts, work.streams, run)


def _planned(work: Work, role: Role, *, destroy: bool) -> Reply:
    if not work.owns(role, "plan"):
        unknown = Resource("", work.prepared[role].name, detail={"said": "it has no `plan`"})
        return Reply(succeeded=True, resources=(unknown,))
    if destroy and not work.prepared[role].announced:
        # A legacy output is told nothing but the verb: what it has is what it would remove.
        reply = work.answered(role, "status", work.command(role, "status"))
        there = [msgspec.structs.replace(one, action="delete") for one in reply.resources if one.action != "create"]
        return msgspec.structs.replace(reply, resources=tuple(there))
    return work.answered(role, "plan", work.command(role, "plan", destroy=destroy))


def _approve(plan: Plan, work: Work, verb: Verb, approval: Approval) -> None:
    if not approval.allow_data_loss:
        refuse_loss(plan.losses, verb, work.task)
    work.session.observer.phase("approving")
    approval.approve(plan)


def _carry_out(work: Work, verb: Verb, order: tuple[Role, ...], *, allow_data_loss: bool) -> tuple[ProviderPart, ...]:
    done: list[ProviderPart] = []
    try:
        for role in order:
            if not work.owns(role, verb):
                continue
            if work.session.control.drain_requested:
                raise RunError("infrastructure.interrupted", f"`{verb}` was interrupted before it came to the {role}")
            work.check_claim()  # whoever was asked may have taken a night to answer
            answer = work.command(role, verb, allow_data_loss=allow_data_loss)
            if answer.reply is not None:
                done.append(work.part(role, answer.reply))
            work.answered(role, verb, answer)
    except DstreamError as error:
        raise LifecycleFailed(error, verb, work.task.name, tuple(done)) from error
    return tuple(done)
