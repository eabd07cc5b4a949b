"""What verbs have in common that work with one task."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from orchestrator.cli.compose import services, state_folder
from orchestrator.cli.runs.signals import Interrupted, Signals
from orchestrator.cli.runs.watching import watching_for
from orchestrator.cli.terminal import words
from orchestrator.cli.terminal.failure import report
from orchestrator.cli.terminal.values import seconds
from orchestrator.errors import EXIT_DONE, DstreamError
from orchestrator.pipeline.observe import Phase, RunControl, RunSummary
from orchestrator.pipeline.services import RunOptions, Services
from orchestrator.pipeline.watch import Forced
from orchestrator.relay.channel import Halted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from orchestrator.cli.invocation import Invocation
    from orchestrator.cli.runs.watching import PersonWatches, ProgramWatches
    from orchestrator.config.model import Task
    from orchestrator.pipeline.sources import PullPolicy
    from orchestrator.settings import Settings


@dataclass(frozen=True, slots=True)
class Asked:
    """A verb's options for finding and starting providers, as written; None leaves the choice to the settings."""

    pull: PullPolicy | None
    locked: bool
    variables: Sequence[str]
    files: Sequence[Path]


@dataclass(frozen=True, slots=True)
class Working:
    """One verb on its way. `call` gives a function of `orchestrator.pipeline` all that they have in common."""

    task: Task
    services: Services
    call: Callable[..., Any]
    control: RunControl
    quiesce: Callable[[], None]
    """Clears the terminal of what moves on it, before anything is printed."""


@contextlib.contextmanager
def working(invocation: Invocation, name: str, asked: Asked, timeout: str | None = None) -> Iterator[Working]:
    """What verbs begin with that ask a task's providers something, or have them work.

    The first signal asks a provider to stop, the second kills it.
    """
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


@dataclass(frozen=True, slots=True)
class Stored:
    """A task, what is stored of it, and the project's own folder on this host."""

    task: Task
    services: Services
    settings: Settings
    folder: Path


@contextlib.contextmanager
def stored(invocation: Invocation, name: str, *, variables: Sequence[str], files: Sequence[Path]) -> Iterator[Stored]:
    """What verbs work with that start no provider."""
    settings = invocation.settings()
    project = invocation.project(variables, files)
    task = project.task(name)
    with services(project, settings) as offered:
        yield Stored(task, offered, settings, state_folder(project, settings))


@contextlib.contextmanager
def feeding(
    invocation: Invocation,
    watching: PersonWatches | ProgramWatches,
    signals: Signals,
    *,
    unstarted: str,
    killed: str,
    tell: Callable[[RunSummary], None],
) -> Iterator[None]:
    """Have a task's output fed while entered, and say how that ended where it did so before its time.

    `tell` is given the figures of what failed. Raises `typer.Exit`.
    """
    screen = watching.screen
    try:
        yield
    except (Interrupted, Halted):
        watching.close()
        screen.note(unstarted)
        raise typer.Exit(EXIT_DONE) from None
    except Forced:
        watching.close()
        screen.say(words.warning(killed, color=screen.color))
        raise typer.Exit(signals.exit_code) from None
    except DstreamError as error:
        watching.close()
        figures = getattr(error, "summary", None)
        if isinstance(figures, RunSummary):
            tell(figures)
        report(error, invocation)
        raise typer.Exit(error.exit_code) from None
    finally:
        watching.close()
