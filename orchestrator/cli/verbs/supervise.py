"""`dstream supervise TASK`: the process in which `dstream run` has a task run that is not its own."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import typer

from orchestrator.cli.completion import TaskName
from orchestrator.cli.invocation import invocation_of


def supervise(context: typer.Context, task: TaskName) -> int:
    """Run a task as an order says that comes by stdin. Started by `dstream run`, and by nobody else."""
    import msgspec

    from orchestrator.cli.runs.order import Order
    from orchestrator.cli.runs.running import run_and_watch
    from orchestrator.errors import ConfigError

    try:
        order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    except msgspec.DecodeError:
        hint = f"start the task with `dstream run {task} --detach`"
        raise ConfigError("usage", "this command is for `dstream run` alone", hint=hint) from None
    invocation = invocation_of(context)
    invocation.config = Path(order.config)
    invocation.engine_host, invocation.log_level = order.engine_host, order.log_level
    if order.attached:
        threading.Thread(target=_drain_when_left, name="attached", daemon=True).start()
        return run_and_watch(invocation, order)
    return run_and_watch(invocation, order, unread=_carry_on)


def _drain_when_left() -> None:
    """Drain when whoever asked for the run has gone."""
    os.read(sys.stdin.fileno(), 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _carry_on() -> None:
    """Whoever started it has heard enough."""
