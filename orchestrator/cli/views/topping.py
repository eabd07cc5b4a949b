"""What `dstream top` does once its arguments are read."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import termios
import time
import tty
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live

from orchestrator.cli.runs.signals import Signals
from orchestrator.cli.views.overview import overview
from orchestrator.cli.views.redraw import movable
from orchestrator.cli.views.sparks import History
from orchestrator.cli.views.top_table import top_table
from orchestrator.errors import ConfigError
from orchestrator.pipeline.observe import RunControl
from orchestrator.relay.channel import Halt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.cli.invocation import Invocation

PERIOD_S = 1.0
_QUIT = b"qQ\x04"


def watch_tasks(invocation: Invocation) -> None:
    """Blocks until `q`, or a signal. Raises `ConfigError` (`usage`) where there is no terminal for it."""
    if not (movable() and sys.stdin.isatty()):
        hint = "`dstream ps --watch` writes anywhere, and `dstream ps --json` is for programs"
        raise ConfigError("usage", "`dstream top` needs a terminal, to draw on and to read keys from", hint=hint)
    console = Console(color_system="auto" if invocation.color(sys.stdout) else None, highlight=False)
    history = History()
    control = RunControl()
    with overview(invocation) as look, Signals(control), _keys(), contextlib.closing(Halt()) as halt:
        control.listen(halt.set)
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while not control.drain_requested:
                tasks = look()
                history.add(tasks, time.monotonic())
                live.update(top_table(tasks, history, time.time(), console.encoding, console.width), refresh=True)
                if _quit_within(PERIOD_S, halt):
                    return


@contextlib.contextmanager
def _keys() -> Iterator[None]:
    """Have every key come at once, and unseen; the terminal is left as it was."""
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _quit_within(seconds: float, halt: Halt) -> bool:
    """Whether somebody wants it to end, now or within that time."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        readable, _, _ = select.select([sys.stdin, halt], [], [], left)
        if halt in readable:
            return True
        if readable:
            keys = os.read(sys.stdin.fileno(), 64)
            if not keys or any(key in _QUIT for key in keys):  # no key is the end of stdin
                return True
    return False
