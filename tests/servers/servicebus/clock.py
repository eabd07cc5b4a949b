"""The server's time, which a test may move forward, and what is due at some moment of it."""

from __future__ import annotations

import heapq
import itertools
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class Clock:
    """Seconds since 1970. Used on the server's loop only."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def run_on(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """What comes due is done on this loop; with None nothing is, until there is a loop again."""
        self._loop = loop
        self._arm()

    def now(self) -> float:
        return time.time() + self._ahead

    def at(self, moment: float, action: Callable[[], None]) -> None:
        """Do this at that moment, or as soon after it as the server runs. Cannot be taken back: check when it comes."""
        heapq.heappush(self._due, (moment, next(self._order), action))
        if self._due[0][0] == moment:
            self._arm()

    def forget(self) -> None:
        """Nothing is due any more."""
        self._due.clear()

    def advance(self, seconds: float) -> None:
        """Move on; what is due by then is done before this returns."""
        self._ahead += seconds
        self._run()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._loop is not None and self._due:
            self._timer = self._loop.call_later(max(0.0, self._due[0][0] - self.now()), self._run)

    def _run(self) -> None:
        while self._due and self._due[0][0] <= self.now():
            heapq.heappop(self._due)[2]()
        self._arm()
