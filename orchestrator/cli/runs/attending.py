"""What `dstream run` does with several tasks in the foreground: a supervisor each, whose words it passes on."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from orchestrator.cli.runs.launching import Supervisor
from orchestrator.cli.runs.signals import Signals
from orchestrator.cli.runs.watching import summary_lines
from orchestrator.cli.terminal import words
from orchestrator.cli.terminal.events import emit, error_of
from orchestrator.cli.terminal.failure import report
from orchestrator.cli.terminal.screen import Screen
from orchestrator.errors import EXIT_DONE, DstreamError
from orchestrator.pipeline.observe import RunControl, RunSummary
from orchestrator.relay.counters import Counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.cli.invocation import Invocation
    from orchestrator.cli.runs.order import Order


def attend(invocation: Invocation, orders: Sequence[Order]) -> int:
    """Run all of them to their ends, and return the worst exit code. Every line says whose it is.

    A signal drains them all, a second one ends them. Raises `UnavailableError` where one cannot be started.
    """
    screen = Screen(invocation)
    control = RunControl()
    signals = Signals(control)
    attended = [_Attended(screen, invocation, control, order) for order in orders]

    def pass_on() -> None:
        for one in attended:
            one.drain()

    with ExitStack() as opened:
        opened.enter_context(signals)
        control.listen(pass_on)
        for one in attended:
            one.start()
            opened.callback(one.close)
        codes = [one.wait() for one in attended]
    return signals.exit_code if control.kill_requested else max(codes, default=EXIT_DONE)


class _Attended:
    """One task: its supervisor, and a thread that passes on what that says."""

    def __init__(self, screen: Screen, invocation: Invocation, control: RunControl, order: Order) -> None:
        self._screen = screen
        self._invocation = invocation
        self._control = control
        self._order = order
        self._reading = True
        self._supervisor: Supervisor | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if not self._control.stop_requested:
            self._supervisor = Supervisor(self._order)
            self._thread = threading.Thread(
                target=self._pass_on, args=(self._supervisor,), name=f"attend {self._order.task}", daemon=True
            )
            self._thread.start()

    def drain(self) -> None:
        if self._supervisor is not None:
            self._supervisor.drain()

    def wait(self) -> int:
        """The exit code."""
        if self._supervisor is None or self._thread is None:
            return EXIT_DONE
        self._thread.join()
        return self._supervisor.wait()

    def close(self) -> None:
        if self._supervisor is not None:
            self._supervisor.let_go()

    def _pass_on(self, supervisor: Supervisor) -> None:
        for event in supervisor.events():
            if not self._reading:
                continue
            try:
                self._show(event)
            except BrokenPipeError:
                self._reading = False
                self._control.drain()

    def _show(self, event: dict[str, Any]) -> None:
        task, screen = self._order.task, self._screen
        if self._invocation.json:
            emit({"event": event["event"], "task": task, **event})
            return
        match event:
            case {"event": "text", "line": line}:
                screen.data(f"{task} | {line}\n".encode())
            case {"event": "log", "role": role, "line": line}:
                screen.note(f"{task} | {role} | {words.printable(line)}")
            case {"event": "warning", "message": message}:
                screen.note(f"{task} | {words.warning(message, color=screen.color)}")
            case {"event": "metrics", "address": address}:
                screen.note(f"{task} | {words.metrics(address)}")
            case {"event": "phase", "phase": phase, **more}:
                detail = f": {words.printable(more['detail'])}" if more.get("detail") else ""
                screen.note(f"{task} | {phase}{detail}")
            case {"event": "summary"}:
                screen.note("\n".join(f"{task} | {line}" for line in summary_lines(summary_of(event))))
            case {"event": "error"}:
                self._fail(error_of(event))

    def _fail(self, error: DstreamError) -> None:
        self._screen.say(f"{self._order.task} failed:")
        report(error, self._invocation)


def summary_of(event: dict[str, Any]) -> RunSummary:
    """The summary of which `orchestrator.cli.runs.watching.summary_event` made `event`."""
    counts = Counts(**{field.name: event[field.name] for field in fields(Counts)})
    plain = {field.name: event[field.name] for field in fields(RunSummary) if field.name != "counts"}
    return RunSummary(counts=counts, **plain)
