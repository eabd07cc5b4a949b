"""How much of a processor may go into what is not the data."""

from __future__ import annotations

import time

SHARE = 0.01
BURST_S = 0.2
"""What a stream's logs may take, for each place that they go to: the relay cannot have that time, since one thread at a
time runs Python. A line takes some two microseconds, so these are a hundred thousand lines at once and five thousand
a second. What exceeds them is dropped, and counted, rather than the data slowed."""


class Budget:
    """A share of one processor's time, and `burst` seconds of it in hand. Not thread-safe."""

    def __init__(self, share: float = SHARE, burst: float = BURST_S) -> None:
        self._share = share
        self._burst = burst
        self._left = burst
        self._asked = time.monotonic()

    def allows(self) -> bool:
        """Whether anything may be spent at this moment; the last spending may then go beyond what is left."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._asked) * self._share)
        self._asked = now
        return self._left > 0

    def spend(self, seconds: float) -> None:
        self._left -= seconds
