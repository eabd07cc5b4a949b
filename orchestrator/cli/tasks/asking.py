"""What `dstream check` and `dstream discover` do once their arguments are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from orchestrator.cli.tasks.working import working
from orchestrator.cli.terminal.events import emit
from orchestrator.cli.terminal.screen import show
from orchestrator.errors import EXIT_DONE, EXIT_FAILED
from orchestrator.pipeline.checks import Checked, check_task, discover_task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dstream_sdk.protocol import DiscoverReply, Stream
    from orchestrator.cli.invocation import Invocation
    from orchestrator.cli.tasks.working import Asked


def check_and_show(invocation: Invocation, name: str, asked: Asked) -> int:
    """The exit code: `EXIT_FAILED` when a provider found something that is wrong."""
    with working(invocation, name, asked) as work:
        checked: list[Checked] = work.call(check_task)
    if invocation.json:
        for one in checked:
            reply = None if one.reply is None else msgspec.to_builtins(one.reply)
            emit({"event": "check", "task": name, "role": one.role, "provider": one.provider, "reply": reply})
    else:
        show(line for one in checked for line in check_lines(one))
    failed = any(one.reply is not None and one.reply.status == "Failed" for one in checked)
    return EXIT_FAILED if failed else EXIT_DONE


def discover_and_show(invocation: Invocation, name: str, asked: Asked) -> int:
    with working(invocation, name, asked) as work:
        reply: DiscoverReply = work.call(discover_task)
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
    yield stream.full_name
    for column in stream.columns:
        notes = ("key", column.key), ("nullable", column.nullable)
        yield "  " + " ".join([column.name, column.type, *(note for note, holds in notes if holds)]).rstrip()
