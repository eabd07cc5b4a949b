"""How a command that failed says so."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING

from orchestrator.cli.terminal.words import render_error
from orchestrator.errors import DstreamError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.cli.invocation import Invocation


def report_all(errors: Sequence[DstreamError], invocation: Invocation) -> None:
    """`report` each of them, with a blank line between."""
    for number, error in enumerate(errors):
        if number > 0:
            sys.stderr.write("\n")
        report(error, invocation)


def report(error: DstreamError, invocation: Invocation, *, task: str | None = None) -> None:
    """Write `error` to stderr, and as an event to stdout with `--json`; the traceback with `--debug`.

    With several tasks the event says whose it is: that of `task`.

    Secrets are masked in all of it.
    """
    from orchestrator.logs import LOGS

    mask = LOGS.redactor.text
    if invocation.debug:
        sys.stderr.write(mask("".join(traceback.format_exception(error))))
    if invocation.json:
        from orchestrator.cli.terminal.events import emit, error_event

        event = error_event(error, mask)
        emit(event if task is None else {**event, "task": task})
    sys.stderr.write(mask(render_error(error, color=invocation.color(sys.stderr))) + "\n")


def report_unexpected(error: Exception, invocation: Invocation) -> None:
    """A fault of ours: one line, and how to get the rest."""
    said = f"{type(error).__name__}: {error}".splitlines()[0]
    hint = None if invocation.debug else "run it again with `--debug` for the traceback, and report it"
    known = DstreamError("internal", f"unexpected {said}", hint=hint)
    known.__traceback__, known.__cause__ = error.__traceback__, error
    report(known, invocation)
