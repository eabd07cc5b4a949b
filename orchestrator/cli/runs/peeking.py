"""What `dstream peek` does once its arguments are read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from orchestrator.cli.compose import services
from orchestrator.cli.runs.signals import Signals
from orchestrator.cli.runs.watching import watching_for
from orchestrator.cli.terminal import words
from orchestrator.cli.terminal.events import json_text
from orchestrator.errors import EXIT_DONE
from orchestrator.pipeline.observe import RunControl
from orchestrator.pipeline.peek import peek_task
from orchestrator.pipeline.services import RunOptions

if TYPE_CHECKING:
    from orchestrator.cli.invocation import Invocation
    from orchestrator.cli.tasks.working import Asked


def peek_and_show(invocation: Invocation, name: str, asked: Asked, *, records: int, timeout: float | None) -> int:
    settings = invocation.settings()
    project = invocation.project(asked.variables, asked.files)
    task = project.task(name)
    control = RunControl()
    signals = Signals(control)
    signals.preparing = True
    # With `--json` stdout has the input's own lines, and no events between them.
    whose = replace(invocation, json=False)
    watching = watching_for(whose, settings, unread=control.drain, entered=lambda _: None)
    screen = watching.screen
    options = RunOptions(
        pull=asked.pull or settings.pull, max_records=records, timeout=timeout, grace=min(settings.grace, 5.0)
    )

    def show(line: bytes) -> None:
        watching.deliver(lambda: screen.data(line if invocation.json else _pretty(line)))

    with services(project, settings, locked=asked.locked) as offered, signals:
        try:
            shown = peek_task(task, offered, options, watching, control, show=show)
        finally:
            watching.close()
    screen.note(f"{name}: {words.records(shown)}; nothing was stored or acknowledged")
    return EXIT_DONE


def _pretty(line: bytes) -> bytes:
    """The record over several lines, or as it is where it is no JSON."""
    try:
        return (json_text(msgspec.json.decode(line), indent=2) + "\n").encode()
    except msgspec.DecodeError:
        return (words.printable(line.decode("utf-8", "replace").rstrip("\n")) + "\n").encode()
