"""The live line of a run: how much, how fast, how far behind."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from orchestrator.cli.terminal import words

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.cli.terminal.screen import Screen
    from orchestrator.pipeline.observe import Progress

_PERIOD_S = 0.25


class Meter:
    """Paints a run's progress on a thread of its own until `stop`."""

    def __init__(self, screen: Screen, progress: Callable[[], Progress]) -> None:
        self._screen = screen
        self._progress = progress
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="meter", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Wipe the line. Idempotent."""
        self._stopping.set()
        self._thread.join(1)

    def _run(self) -> None:
        before = self._progress()
        while not self._stopping.wait(_PERIOD_S):
            now = self._progress()
            self._screen.live(live_line(before, now))
            if now.elapsed_s - before.elapsed_s >= 4 * _PERIOD_S:
                before = now
        self._screen.live("")


def live_line(before: Progress, now: Progress) -> str:
    """`running  1,204 records  301/s  0.1 MB/s  acknowledged 1,100  in flight 104`; rates are since `before`."""
    passed = now.elapsed_s - before.elapsed_s
    relayed, volume = now.relayed - before.relayed, now.bytes - before.bytes
    if passed <= 0 or relayed < 0:  # a new attempt counts from the start
        passed, relayed, volume = now.elapsed_s, now.relayed, now.bytes
    passed = max(passed, 0.001)
    parts = [
        now.phase,
        words.records(now.relayed),
        f"{relayed / passed:,.0f}/s",
        f"{volume / passed / 1e6:.1f} MB/s",
        f"acknowledged {words.count(now.acked)}",
        f"in flight {words.count(now.in_flight)}",
    ]
    if now.rejected:
        parts.append(f"rejected {now.rejected:,}")
    return "  ".join(parts)
