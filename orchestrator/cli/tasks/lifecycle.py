"""What `dstream init`, `plan` and `destroy` do once their arguments are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.cli.tasks.plan_lines import done_lines, part_object, plan_event, plan_lines
from orchestrator.cli.tasks.working import Asked, working
from orchestrator.cli.terminal.confirm import confirm
from orchestrator.cli.terminal.events import emit
from orchestrator.cli.terminal.screen import show
from orchestrator.errors import EXIT_CHANGES, EXIT_DONE, ConfigError
from orchestrator.pipeline.lifecycle.binding import bind
from orchestrator.pipeline.lifecycle.plan import Plan, ProviderPart
from orchestrator.pipeline.lifecycle.saved import save
from orchestrator.pipeline.lifecycle.verbs import Approval, LifecycleFailed, destroy_task, init_task, plan_task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from orchestrator.cli.invocation import Invocation


@dataclass(frozen=True, slots=True)
class Consent:
    """What the user has agreed to beforehand."""

    yes: bool
    allow_data_loss: bool
    saved: Path | None = None


def plan_and_show(
    invocation: Invocation,
    name: str,
    asked: Asked,
    *,
    timeout: str | None,
    destroy: bool,
    out: Path | None,
    detailed: bool,
) -> int:
    """The exit code: `EXIT_CHANGES` for changes, where `detailed`."""
    if destroy and out is not None:
        raise ConfigError("usage", "`--out` keeps a plan for `dstream init`", hint="leave `--destroy` out")
    with working(invocation, name, asked, timeout) as work:
        plan: Plan = work.call(plan_task, destroy=destroy)
        work.quiesce()
        _show_plan(invocation, plan)
        if out is not None:
            save(bind(plan, work.task), out)
    return EXIT_CHANGES if detailed and (plan.changes or plan.unclear) else EXIT_DONE


def init_and_show(invocation: Invocation, name: str, asked: Asked, *, timeout: str | None, consent: Consent) -> int:
    def agreed(plan: Plan) -> bool:
        return consent.saved is not None or not plan.takes_away

    return _carry_out(invocation, name, asked, timeout, consent, "init", init_task, agreed)


def destroy_and_show(invocation: Invocation, name: str, asked: Asked, *, timeout: str | None, consent: Consent) -> int:
    def agreed(plan: Plan) -> bool:
        # Also where nothing is listed: a provider may list nothing, and still remove what it knows of.
        return not any(part.owns for part in plan.parts)

    return _carry_out(invocation, name, asked, timeout, consent, "destroy", destroy_task, agreed)


def _carry_out(  # noqa: PLR0917  # the two verbs differ in just these
    invocation: Invocation,
    name: str,
    asked: Asked,
    timeout: str | None,
    consent: Consent,
    verb: str,
    carry_out: Callable[..., tuple[ProviderPart, ...]],
    agreed: Callable[[Plan], bool],
) -> int:
    with working(invocation, name, asked, timeout) as work:

        def show_plan(plan: Plan) -> None:
            work.quiesce()
            if not invocation.quiet:
                _show_plan(invocation, plan)

        def approve(plan: Plan) -> None:
            if not (consent.yes or agreed(plan)):
                if invocation.quiet:  # not shown yet
                    _show_plan(invocation, plan)
                what = "Destroy all of this?" if verb == "destroy" else "Something is replaced or deleted. Go on?"
                confirm(f"{name}: {what}")

        approval = Approval(show_plan, approve, consent.allow_data_loss, consent.saved)
        try:
            done = work.call(carry_out, approval=approval)
        except LifecycleFailed as failure:
            work.quiesce()
            _show_done(invocation, name, verb, failure.done, failed=True)
            raise
        work.quiesce()
        _show_done(invocation, name, verb, done)
        stored = work.services.state.checkpoint(name) if verb == "destroy" else None
        if stored is not None and not (invocation.json or invocation.quiet):
            show([f"a run would still resume from checkpoint {stored.id}; `dstream state reset {name}` forgets it"])
    return EXIT_DONE


def _show_plan(invocation: Invocation, plan: Plan) -> None:
    if invocation.json:
        emit(plan_event(plan))
    else:
        show(plan_lines(plan))


def _show_done(
    invocation: Invocation, name: str, verb: str, done: Sequence[ProviderPart], *, failed: bool = False
) -> None:
    if invocation.json:
        emit({"event": verb, "task": name, "providers": [part_object(part) for part in done]})
    elif not invocation.quiet:
        show(done_lines(name, done, failed=failed))
