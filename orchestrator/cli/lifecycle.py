"""What `dstream init`, `plan`, `status` and `destroy` do once their arguments are read."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from orchestrator.cli.asking import Asked, show
from orchestrator.cli.compose import services
from orchestrator.cli.events import emit
from orchestrator.cli.plan_lines import done_lines, part_object, plan_event, plan_lines
from orchestrator.cli.signals import Signals
from orchestrator.cli.values import seconds
from orchestrator.cli.watching import watching_for
from orchestrator.errors import EXIT_CHANGES, EXIT_DONE, ConfigError
from orchestrator.pipeline.lifecycle.binding import bind
from orchestrator.pipeline.lifecycle.plan import Plan, ProviderPart
from orchestrator.pipeline.lifecycle.saved import save
from orchestrator.pipeline.lifecycle.verbs import Approval, LifecycleFailed, destroy_task, init_task, plan_task
from orchestrator.pipeline.observe import Phase, RunControl
from orchestrator.pipeline.services import RunOptions, Services
from orchestrator.relay.channel import Halted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from orchestrator.cli.invocation import Invocation
    from orchestrator.config.model import Task


@dataclass(frozen=True, slots=True)
class Working:
    """One verb on its way. `call` gives one of `orchestrator.pipeline.lifecycle` all that they have in common."""

    task: Task
    services: Services
    call: Callable[..., Any]
    control: RunControl
    quiesce: Callable[[], None]
    """Clears the terminal of what moves on it, before anything is printed."""


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
                _ask(plan, verb)

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


def _ask(plan: Plan, verb: str) -> None:
    if sys.stdin is None or not sys.stdin.isatty():
        what = "to replace or delete something" if verb == "init" else "to destroy"
        message = f"nobody can be asked whether {what}: stdin is no terminal"
        raise ConfigError("usage", message, hint="confirm with `--yes`")
    question = "Destroy all of this?" if verb == "destroy" else "Something is replaced or deleted. Go on?"
    typer.confirm(f"{plan.task}: {question}", abort=True, err=True)


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


@contextlib.contextmanager
def working(invocation: Invocation, name: str, asked: Asked, timeout: str | None) -> Iterator[Working]:
    """What all four begin with. The first signal asks a provider to stop, the second kills it."""
    settings = invocation.settings()
    project = invocation.project(asked.variables, asked.files)
    task = project.task(name)
    control = RunControl()
    signals = Signals(control)
    options = RunOptions(pull=asked.pull or settings.pull, timeout=seconds(timeout, "--timeout"), grace=settings.grace)

    def entered(phase: Phase) -> None:
        signals.preparing = phase in ("preparing", "approving")

    watching = watching_for(invocation, settings, unread=control.drain, entered=entered)
    with contextlib.ExitStack() as opened:
        offered = opened.enter_context(services(project, settings, locked=asked.locked))
        opened.enter_context(signals)
        opened.callback(watching.close)
        try:
            yield Working(
                task,
                offered,
                lambda verb, **further: verb(task, offered, options, watching, control, **further),
                control,
                watching.close,
            )
        except Halted:
            raise typer.Exit(signals.exit_code) from None
