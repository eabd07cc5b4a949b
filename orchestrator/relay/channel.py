"""Waiting on a provider's streams, so that every wait can be called off.

Streams are non-blocking (`orchestrator.runtime.base`): these two wait with `poll`, and a `Halt` that
is set ends every wait of an attempt at once, whoever is stuck where.
"""

from __future__ import annotations

import os
import select
import time

from orchestrator.runtime.base import ByteSink, ByteSource


class Halted(Exception):
    """The attempt is over; whoever was waiting gives up."""


class Halt:
    """A flag that wakes every poll on it. Thread-safe, set once."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK) if hasattr(os, "pipe2") else os.pipe()
        self.is_set = False

    def fileno(self) -> int:
        return self._read

    def set(self) -> None:
        if not self.is_set:
            self.is_set = True
            os.write(self._write, b"!")

    def close(self) -> None:
        """After every thread that waits on it has ended. A later `set` does nothing."""
        self.is_set = True
        os.close(self._read)
        os.close(self._write)


class _Waiter:
    """Polls one stream together with the halt."""

    def __init__(self, fd: int, mask: int, halt: Halt) -> None:
        self._halt = halt
        self._poll = select.poll()
        self._poll.register(fd, mask)
        self._poll.register(halt.fileno(), select.POLLIN)

    def wait(self, deadline: float | None) -> bool:
        """False once `deadline` (monotonic seconds) has passed. Raises `Halted`."""
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        ready = self._poll.poll(timeout)
        if self._halt.is_set:
            raise Halted
        return bool(ready)


class Inlet:
    """Reads a provider's stdout or stderr. One thread at a time."""

    def __init__(self, source: ByteSource, halt: Halt) -> None:
        self._source = source
        self._halt = halt
        self._waiter = _Waiter(source.fileno(), select.POLLIN, halt)

    def read_into(self, buffer: memoryview, deadline: float | None = None) -> int | None:
        """Wait for bytes: their number, 0 at the end, None when `deadline` has passed.

        Raises `Halted`, and `StreamBroken` as the source does.
        """
        # A stream that always has something would never reach the poll.
        while not self._halt.is_set:
            count = self._source.read_into(buffer)
            if count is not None:
                return count
            if not self._waiter.wait(deadline):
                return None
        raise Halted


class Outlet:
    """Writes a provider's stdin. One thread at a time.

    `waiting_since` is when the write under way began to wait for room (monotonic), None while none does.
    """

    def __init__(self, sink: ByteSink, halt: Halt) -> None:
        self._sink = sink
        self._waiter = _Waiter(sink.fileno(), select.POLLOUT, halt)
        self.waiting_since: float | None = None

    def write(self, data: memoryview | bytes, deadline: float | None = None) -> int:
        """Write all of `data`, or what there was room for until `deadline` (monotonic); how many bytes that was.

        Raises `Halted`, and `StreamBroken` as the sink does.
        """
        written = self._sink.write(data)
        if written == len(data):
            return written
        view = memoryview(data)
        try:
            while written < len(view):
                self.waiting_since = time.monotonic()
                if not self._waiter.wait(deadline):
                    break
                written += self._sink.write(view[written:])
            return written
        finally:
            self.waiting_since = None

    def close(self) -> None:
        """Give the provider EOF. Idempotent."""
        self._sink.close()
