"""The rule of the ack: rejects durable, then the state durable, and only then the ack to the input.

One thread owns both steps, so their order is one function and nothing can come between. Whoever reads
the output's acks never waits for a disk.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

import msgspec

from dstream_sdk.protocol import Ack, AckLine, SignalLine
from orchestrator.relay.channel import Halted, Outlet
from orchestrator.relay.counters import Rejected, Settled
from orchestrator.runtime.base import StreamBroken

Commit = Callable[[Settled], None]

LAST_LINES_S = 5.0
"""How long an input may leave its stdin unread at the end, before it gets EOF in place of the last lines."""

_LOOK_UP_S = 0.5


class InputWriter:
    """Writes control lines to the input: signals in order, and the newest ack in a slot of one.

    An input that ignores its stdin fills a pipe and then costs nothing more; it gets its EOF all the same.
    A line that was begun is always finished, except at the end of such an input. `put_ack`, `put_signal` and
    `close` may be called from any thread and never block.
    """

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._changed = threading.Condition()
        self._ack: bytes | None = None
        self._signals: deque[bytes] = deque()
        self._closing = False
        self._give_up_at: float | None = None
        self._thread = threading.Thread(target=self._run, name="input-writer", daemon=True)
        self._thread.start()

    def put_ack(self, ack: Ack) -> None:
        """Replace the ack that waits, if any; acks are cumulative."""
        with self._changed:
            self._ack = msgspec.json.encode(AckLine(ack)) + b"\n"
            self._changed.notify()

    def put_signal(self, signal: SignalLine) -> None:
        """Append a signal to what waits to be written."""
        with self._changed:
            self._signals.append(msgspec.json.encode(signal) + b"\n")
            self._changed.notify()

    def close(self) -> None:
        """Write what waits, for at most `LAST_LINES_S` seconds, then give the input EOF."""
        with self._changed:
            self._closing = True
            if self._give_up_at is None:
                self._give_up_at = time.monotonic() + LAST_LINES_S
            self._changed.notify()

    def join(self, timeout: float) -> bool:
        """Whether the writer has ended within `timeout` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _next(self) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: self._ack or self._signals or self._closing)
            if self._signals:
                return self._signals.popleft()
            line, self._ack = self._ack, None
            return line

    def _run(self) -> None:
        try:
            while (line := self._next()) is not None and self._written(line):
                pass
            self._outlet.close()
        except (StreamBroken, Halted):
            # The input is gone, or the attempt is: its exit tells, and there is nobody to write to.
            return

    def _written(self, line: bytes) -> bool:
        """Write a line; False once it is too late to go on waiting for room."""
        while line := line[self._outlet.write(line, time.monotonic() + _LOOK_UP_S) :]:
            if self._give_up_at is not None and time.monotonic() >= self._give_up_at:
                return False
        return True


class Settler:
    """Makes what the output has dealt with durable, then acknowledges it to the input.

    `settle` may be called from any thread and returns at once: the newest checkpoint takes the place of
    one that still waits. `failed` is called once, from the settler's thread, when storing failed; nothing is
    acknowledged from then on. `pace` is the least number of seconds between two commits: every ack of a fast output
    would otherwise cost a sync of a disk, or a request.
    """

    def __init__(
        self,
        commit: Commit,
        acknowledge: Callable[[Ack], None],
        failed: Callable[[Exception], None],
        *,
        pace: float = 0.0,
    ) -> None:
        self._commit = commit
        self._acknowledge = acknowledge
        self._failed = failed
        self._pace = pace
        self._changed = threading.Condition()
        self._waiting: Settled | None = None
        self._closing = False
        self.storing_since: float | None = None
        """Since when (monotonic) the commit under way has been waiting for the store; None between two."""
        self._thread = threading.Thread(target=self._run, name="settler", daemon=True)
        self._thread.start()

    def settle(self, settled: Settled) -> None:
        """Hand over what may become durable."""
        with self._changed:
            letters: tuple[Rejected, ...] = settled.rejects
            mark = settled.mark
            if self._waiting is not None:
                letters = self._waiting.rejects + letters
                mark = mark or self._waiting.mark
            self._waiting = Settled(mark, letters)
            self._changed.notify()

    def close(self, timeout: float) -> bool:
        """Settle what waits and end; whether that was done within `timeout` seconds."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _next(self) -> Settled | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting is not None or self._closing)
            settled, self._waiting = self._waiting, None
            return settled

    def _run(self) -> None:
        try:
            while (settled := self._next()) is not None:
                if settled.mark is None and not settled.rejects:
                    continue
                self.storing_since = time.monotonic()
                self._commit(settled)
                if settled.mark is not None:
                    self._acknowledge(Ack(settled.mark.id, settled.mark.records))
                self.storing_since = None
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, self._pace)
        except Exception as error:  # noqa: BLE001  # every failure to store must stop the run
            self._failed(error)
