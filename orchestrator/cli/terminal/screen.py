"""stdout, stderr and the one live line that stays below everything else on a terminal."""

from __future__ import annotations

import shutil
import sys
import threading
from typing import TYPE_CHECKING

from orchestrator.cli.terminal.words import dim, printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator.cli.invocation import Invocation

_WIPE = "\r\x1b[2K"


class Screen:
    """Writes whole lines. Thread-safe; blocks for as long as the terminal or the pipe does.

    stdout carries the user's data: what an output provider prints. All else goes to stderr. A line given to
    `live` is painted on stderr and wiped before anything else is written.
    """

    def __init__(self, invocation: Invocation) -> None:
        self.interactive = sys.stderr.isatty() and not invocation.quiet and not invocation.json
        self.color = invocation.color(sys.stderr)
        self._quiet = invocation.quiet
        self._writing = threading.Lock()
        self._live = False

    def data(self, content: bytes) -> None:
        """Bytes for stdout, as they are. Raises `BrokenPipeError` when nobody reads it any more."""
        with self._writing:
            self._wipe()
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()

    def note(self, line: str) -> None:
        """A line for stderr that `--quiet` leaves out."""
        if not self._quiet:
            self.say(line)

    def say(self, line: str) -> None:
        """A line for stderr."""
        with self._writing:
            self._wipe()
            sys.stderr.write(line + "\n")
            sys.stderr.flush()

    def live(self, line: str) -> None:
        """Show `line` in place of the last one; an empty one only wipes. Nothing where no person watches."""
        if not self.interactive:
            return
        width = shutil.get_terminal_size().columns - 1
        with self._writing:
            sys.stderr.write(_WIPE + dim(line[:width], color=self.color) if line else _WIPE)
            sys.stderr.flush()
            self._live = bool(line)

    def _wipe(self) -> None:
        if self._live:
            sys.stderr.write(_WIPE)
            sys.stderr.flush()
            self._live = False


def show(lines: Iterable[str]) -> None:
    """The answer, on stdout."""
    for line in lines:
        print(printable(line), flush=True)
