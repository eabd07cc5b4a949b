"""What `dstream check` and `dstream discover` do once their arguments are read."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from orchestrator.cli.compose import services
from orchestrator.cli.events import emit
from orchestrator.cli.signals import Signals
from orchestrator.cli.watching import watching_for
from orchestrator.cli.words import printable
from orchestrator.errors import EXIT_DONE, EXIT_FAILED
from orchestrator.pipeline.checks import Checked, check_task, discover_task
from orchestrator.pipeline.observe import RunControl
from orchestrator.pipeline.services import RunOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from dstream_sdk.protocol import DiscoverReply, Stream
    from orchestrator.cli.invocation import Invocation
    from orchestrator.pipeline.sources import PullPolicy


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of both as they were written; None leaves the choice to the settings."""

    pull: PullPolicy | None
    locked: bool
    variables: Sequence[str]
    files: Sequence[Path]


def check_and_show(invocation: Invocation, name: str, asked: Asked) -> int:
    """The exit code: `EXIT_FAILED` when a provider found something that is wrong."""
    with _asking(invocation, name, asked) as ask:
        checked: list[Checked] = ask(check_task)
    if invocation.json:
        for one in checked:
            reply = None if one.reply is None else msgspec.to_builtins(one.reply)
            emit({"event": "check", "task": name, "role": one.role, "provider": one.provider, "reply": reply})
    else:
        show(line for one in checked for line in check_lines(one))
    failed = any(one.reply is not None and one.reply.status == "Failed" for one in checked)
    return EXIT_FAILED if failed else EXIT_DONE


def discover_and_show(invocation: Invocation, name: str, asked: Asked) -> int:
    with _asking(invocation, name, asked) as ask:
        reply: DiscoverReply = ask(discover_task)
    if invocation.json:
        emit({"event": "discover", "task": name, "reply": msgspec.to_builtins(reply)})
    else:
        show(line for stream in reply.streams for line in stream_lines(stream))
        if reply.status == "Failed":
            show([f"failed: {reply.error or reply.message}"])
    return EXIT_FAILED if reply.status == "Failed" else EXIT_DONE


def check_lines(checked: Checked) -> Iterator[str]:
    """`input mssql-cdc: 1 of 3 checks failed`, then every finding with what mends it."""
    who = f"{checked.role} {checked.provider}"
    if checked.reply is None:
        yield f"{who}: has no checks of its own"
        return
    findings = checked.reply.findings
    failed = sum(not finding.ok for finding in findings)
    said = checked.reply.error or checked.reply.message
    if failed:
        yield f"{who}: {failed} of {len(findings)} checks failed"
    elif checked.reply.status == "Failed":
        yield f"{who}: failed: {said}"
    else:
        passed = f"{len(findings)} check{'' if len(findings) == 1 else 's'} passed"
        yield f"{who}: {passed if findings else said or 'ready'}"
    for finding in findings:
        field = f" ({finding.field})" if finding.field else ""
        message = f": {finding.message}" if finding.message else ""
        yield f"  {'ok    ' if finding.ok else 'failed'} {finding.check}{field}{message}"
        if finding.remedy and not finding.ok:
            yield from (f"         {line}" for line in finding.remedy.splitlines())


def stream_lines(stream: Stream) -> Iterator[str]:
    """`dbo.Orders`, then its columns."""
    yield f"{stream.schema}.{stream.name}" if stream.schema else stream.name
    for column in stream.columns:
        notes = ("key", column.key), ("nullable", column.nullable)
        yield "  " + " ".join([column.name, column.type, *(note for note, holds in notes if holds)]).rstrip()


def show(lines: Iterator[str] | Sequence[str]) -> None:
    """The answer, on stdout."""
    for line in lines:
        print(printable(line), flush=True)


@contextlib.contextmanager
def _asking(invocation: Invocation, name: str, asked: Asked) -> Iterator[Callable[[Callable[..., Any]], Any]]:
    """A function that puts one of the questions of `pipeline.checks`. Signals interrupt it."""
    settings = invocation.settings()
    project = invocation.project(asked.variables, asked.files)
    task = project.task(name)
    control = RunControl()
    signals = Signals(control)
    signals.preparing = True
    watching = watching_for(invocation, settings, unread=control.drain, entered=lambda _: None)
    options = RunOptions(pull=asked.pull or settings.pull, grace=settings.grace)
    with contextlib.ExitStack() as open_:
        offered = open_.enter_context(services(project, settings, locked=asked.locked))
        open_.enter_context(signals)
        open_.callback(watching.close)
        yield lambda question: question(task, offered, options, watching, control)
