"""How fast a run relays, from samples of its totals."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from orchestrator.pipeline.live import Rates
from orchestrator.relay.counters import Counts

SAMPLE_S = 5.0
LONGEST_S = 300.0


class Samples:
    """Totals at moments past, as many as the longest window needs. Not thread-safe."""

    def __init__(self) -> None:
        self._kept: deque[tuple[float, int, int]] = deque()

    def add(self, moment: float, records: int, size: int) -> None:
        """Take in the totals at `moment`, in seconds of a clock that only goes forward."""
        self._kept.append((moment, records, size))
        # One that is older than the window remains: the window begins there or later.
        while len(self._kept) > 1 and self._kept[1][0] <= moment - LONGEST_S:
            self._kept.popleft()

    def rates(self, moment: float, records: int, size: int) -> Rates:
        """The averages up to `moment`, where the totals are these."""
        records_60, bytes_60 = self._since(moment - 60.0, moment, records, size)
        records_300, bytes_300 = self._since(moment - LONGEST_S, moment, records, size)
        return Rates(records_60=records_60, records_300=records_300, bytes_60=bytes_60, bytes_300=bytes_300)

    def __len__(self) -> int:
        return len(self._kept)

    def _since(self, begin: float, moment: float, records: int, size: int) -> tuple[float, float]:
        """From the newest sample that is as old as the window; from the first one where none is."""
        if not self._kept:
            return 0.0, 0.0
        first = self._kept[0]
        for sample in self._kept:
            if sample[0] > begin:
                break
            first = sample
        # A run that began just now has no second to be averaged over yet.
        elapsed = max(1.0, moment - first[0])
        return (records - first[1]) / elapsed, (size - first[2]) / elapsed


class Sampler:
    """Samples a run's totals every few seconds on a thread of its own, from `start` to `close`. Thread-safe."""

    def __init__(self, counts: Callable[[], Counts]) -> None:
        self._counts = counts
        self._samples = Samples()
        self._busy = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Data may flow from here on. Idempotent."""
        if self._thread is None:
            # Not what is counted by now: its first records may have been quicker than this.
            self._samples.add(time.monotonic(), 0, 0)
            self._thread = threading.Thread(target=self._run, name="rates", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Idempotent."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def rates(self) -> Rates:
        """Up to this moment."""
        counts = self._counts()
        with self._busy:
            return self._samples.rates(time.monotonic(), counts.relayed, counts.bytes)

    def _run(self) -> None:
        while not self._closed.wait(SAMPLE_S):
            self._sample()

    def _sample(self) -> None:
        counts = self._counts()
        with self._busy:
            self._samples.add(time.monotonic(), counts.relayed, counts.bytes)
