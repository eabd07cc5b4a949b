"""What `dstream run --detach` does once its arguments are read: supervisors started, and waited for until they run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from orchestrator.cli.runs.launching import Supervisor
from orchestrator.cli.runs.signals import Signals
from orchestrator.cli.terminal import words
from orchestrator.cli.terminal.events import emit, error_of
from orchestrator.cli.terminal.failure import report
from orchestrator.cli.terminal.screen import Screen
from orchestrator.errors import EXIT_DONE, DstreamError, RunError
from orchestrator.pipeline.observe import RunControl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.cli.invocation import Invocation
    from orchestrator.cli.runs.order import Order

WAIT_S = 300.0
"""How long a task may take until both its providers are ready, where nobody says."""

_TOGETHER = 4
"""Tasks that start at once: each starts two providers, which have a deadline for that."""


def detach(invocation: Invocation, orders: Sequence[Order], *, wait: float | None, skip_running: bool = False) -> int:
    """Start a supervisor for each, and return the worst exit code once all run, or have said why not.

    Each may take `wait` seconds. With `skip_running` a task that is just being run is none that failed.
    """
    control = RunControl()
    signals = Signals(control)
    screen = Screen(invocation)
    starts = [_Start(order, screen, invocation, control, wait=wait or WAIT_S) for order in orders]

    def give_up() -> None:
        for one in starts:
            one.give_up()

    with signals, ThreadPoolExecutor(_TOGETHER) as pool:
        control.listen(give_up)
        codes = list(pool.map(partial(_Start.play, skip_running=skip_running), starts))
    return signals.exit_code if control.stop_requested else max(codes, default=EXIT_DONE)


class _Start:
    """One task's way to its running."""

    def __init__(
        self, order: Order, screen: Screen, invocation: Invocation, control: RunControl, *, wait: float
    ) -> None:
        self._order = order
        self._screen = screen
        self._invocation = invocation
        self._control = control
        self._wait = wait
        self._given_up = False
        self._supervisor: Supervisor | None = None

    def play(self, *, skip_running: bool) -> int:
        """Start it, wait, and tell. The exit code."""
        if self._control.stop_requested:
            return EXIT_DONE
        try:
            self._supervisor = Supervisor(self._order)
            if self._given_up:  # while it was being made
                self._supervisor.drain()
            try:
                self._tell(self._settled(self._supervisor))
            finally:
                supervisor, self._supervisor = self._supervisor, None
                supervisor.let_go()
        except DstreamError as error:
            if skip_running and error.code == "task.running":
                self._tell({"state": "running", "already": True})
                return EXIT_DONE
            self._screen.say(f"{self._order.task} did not start:")
            report(error, self._invocation, task=self._order.task)
            return error.exit_code
        return EXIT_DONE

    def give_up(self) -> None:
        """Have it end if it is not ready yet. May be called from a signal handler."""
        self._given_up = True
        if self._supervisor is not None:
            self._supervisor.drain()

    def _settled(self, supervisor: Supervisor) -> dict[str, Any]:
        """What is to be told of a task that runs, or stands by. Raises what it failed with."""
        task, warning = supervisor.task, ""
        known: dict[str, Any] = {"pid": supervisor.pid}
        try:
            for event in supervisor.events(self._wait):
                match event:
                    case {"event": "phase", "phase": "running", **more}:
                        return {"state": "running", **known, **({"detail": more["detail"]} if "detail" in more else {})}
                    case {"event": "phase", "phase": "standby", **more}:
                        return {"state": "standby", **known, "detail": more.get("detail", "")}
                    case {"event": "phase", "phase": "backing off"}:
                        hint = f"see `dstream logs {task}`; `dstream stop {task}` ends it"
                        raise RunError("run.backing_off", f"task `{task}` did not start: {warning}", hint=hint)
                    case {"event": "metrics", "address": address}:
                        known["metrics"] = address
                    case {"event": "warning", "message": str(message)}:
                        warning = message
                        self._screen.note(f"{task} | {words.warning(message, color=self._screen.color)}")
                    case {"event": "error"}:
                        raise error_of(event)
        except TimeoutError:
            raise RunError(
                "run.not_ready",
                f"task `{task}` is not ready after {self._wait:g} s",
                hint=f"it goes on starting: see `dstream logs {task}`; `dstream stop {task}` ends it",
            ) from None
        status = supervisor.wait()
        if status == EXIT_DONE:
            raise RunError("run.stopped", f"task `{task}` was stopped before it was ready")
        raise RunError(
            "supervisor.died",
            f"the supervisor of task `{task}` ended with status {status} before its providers were ready",
            hint=f"see what it says in the foreground: `dstream run {task}`",
        )

    def _tell(self, what: dict[str, Any]) -> None:
        task = self._order.task
        if self._invocation.json:
            emit({"event": "started", "task": task, **what})
        elif not self._invocation.quiet:
            typer.echo(_sentence(task, what))
            if address := what.get("metrics"):
                typer.echo(f"  {words.metrics(address)}")


def _sentence(task: str, what: dict[str, Any]) -> str:
    if what.get("already"):
        return f"{task} is being run already"
    if what["state"] == "standby":
        return f"{task} stands by (process {what['pid']}): {words.printable(what['detail'])}"
    if "detail" in what:
        return f"{task} is started (process {what['pid']}); {words.printable(what['detail'])}"
    return f"{task} runs (process {what['pid']})"
