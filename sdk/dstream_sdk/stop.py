"""The wish that a run should wind down, as something that can be waited for."""

from __future__ import annotations

import math
import os
import select


class Stop:
    """Requested once, from any thread or signal handler; never taken back.

    A pipe and not a `threading.Event`: an event's lock is not reentrant, so a signal handler that
    sets it while the main thread waits on it can deadlock.
    """

    def __init__(self) -> None:
        self.requested = False
        self.reason = ""
        self._readable, self._writable = os.pipe()

    def request(self, reason: str) -> None:
        """Ask for the end. The first reason is kept."""
        if self.requested:
            return
        self.reason = reason
        self.requested = True
        os.write(self._writable, b"\0")

    def wait(self, seconds: float) -> bool:
        """Block for `seconds`, or less once the end is requested. Returns whether it is."""
        poll = select.poll()
        poll.register(self._readable, select.POLLIN)
        poll.poll(math.ceil(max(0.0, seconds) * 1000))
        return self.requested

    def fileno(self) -> int:
        """Readable once the end is requested."""
        return self._readable
