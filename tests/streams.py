"""Talking to a started provider in tests: everything waits for a condition, with a deadline."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.runtime.base import ByteSink, ByteSource

DEADLINE = 60.0
"""Of what takes milliseconds, on a machine that does much else besides and has a slow disk."""


def until(condition: Callable[[], object], what: str, deadline: float = DEADLINE, *, pause: float = 0.01) -> None:
    """Wait for `condition` to hold, looking again after each `pause`."""
    end = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < end, f"not within {deadline:g} s: {what}"
        time.sleep(pause)


def read_some(source: ByteSource, size: int = 65536, deadline: float = DEADLINE) -> bytes:
    """The next bytes, b"" at the end of the stream."""
    buffer = memoryview(bytearray(size))
    end = time.monotonic() + deadline
    while (count := source.read_into(buffer)) is None:
        assert time.monotonic() < end, f"nothing to read within {deadline:g} s"
        poller = select.poll()
        poller.register(source.fileno(), select.POLLIN)
        poller.poll(max(1.0, (end - time.monotonic()) * 1000))
    return bytes(buffer[:count])


def read_line(source: ByteSource) -> bytes:
    """One line without its newline. For small lines: reads byte by byte."""
    line = b""
    while not line.endswith(b"\n"):
        byte = read_some(source, 1)
        assert byte, f"the stream ended after {line!r}"
        line += byte
    return line[:-1]


def read_all(source: ByteSource, size: int = 65536) -> bytes:
    """Everything up to the end of the stream."""
    return b"".join(iter(lambda: read_some(source, size), b""))


def write_all(sink: ByteSink, data: bytes, deadline: float = DEADLINE) -> None:
    """Write everything, waiting where there is no room."""
    left = memoryview(data)
    end = time.monotonic() + deadline
    while left:
        if taken := sink.write(left):
            left = left[taken:]
            continue
        assert time.monotonic() < end, f"no room to write within {deadline:g} s"
        poller = select.poll()
        poller.register(sink.fileno(), select.POLLOUT)
        poller.poll(max(1.0, (end - time.monotonic()) * 1000))


def fill(sink: ByteSink) -> int:
    """Write until there is no room; how many bytes that took."""
    block = bytes(65536)
    total = 0
    while taken := sink.write(block):
        total += taken
    return total
