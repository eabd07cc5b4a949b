"""What `--watch` does: the same answer again and again, in its place where there is a terminal."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from orchestrator.cli.terminal.screen import show
from orchestrator.cli.terminal.words import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orchestrator.pipeline.observe import RunControl

PERIOD_S = 2.0


def again_and_again(control: RunControl, draw: Callable[[], None]) -> None:
    """Call `draw` every two seconds until `control` is asked to stop, as signals do."""
    while not control.drain_requested:
        draw()
        control.wait(PERIOD_S)


def watch_lines(control: RunControl, lines: Callable[[], Sequence[str]]) -> None:
    """Show lines anew until `control` is asked to stop: in their place on a terminal, else one after the other."""
    with contextlib.ExitStack() as opened:
        if not movable():
            again_and_again(control, lambda: show([*lines(), ""]))
            return
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        console = Console(color_system=None, highlight=False)
        screen = opened.enter_context(Live(console=console, screen=True, auto_refresh=False))

        def draw() -> None:
            text = Text("\n".join(printable(line) for line in lines()))
            screen.update(text, refresh=True)

        again_and_again(control, draw)


def movable() -> bool:
    """Whether stdout is a terminal on which a line can be written over."""
    return sys.stdout.isatty() and os.environ.get("TERM") not in {"dumb", "unknown"}
