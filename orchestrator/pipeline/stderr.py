"""Reading a provider's stderr: whole lines, many at a time, at a cost that does not depend on how many they are."""

from __future__ import annotations

import time
from collections.abc import Iterator

from orchestrator.relay.channel import Halted, Inlet
from orchestrator.runtime.base import StreamBroken

LINE_LIMIT = 128 * 1024
"""Bytes of a line that are kept; the rest of it is left out. Twice what a log keeps of it, which is cut only where its
secrets are gone: half a secret would be nobody's to know."""

BUFFER = 256 * 1024
TAIL = 8 * 1024
PAUSE_S = 0.005
"""Between two reads that found little: a provider that writes line by line shall not have each of them looked at by
itself. A pipe holds a hundred times what comes meanwhile."""


def whole_lines(inlet: Inlet) -> Iterator[bytes]:
    """What comes, each time as lines that end with a newline. Ends with the stream or the attempt."""
    buffer = bytearray(BUFFER)
    view = memoryview(buffer)
    held = b""
    skipping = False
    try:
        while count := inlet.read_into(view):
            begin = 0
            if skipping:
                begin = buffer.find(b"\n", 0, count) + 1 or count
                skipping = begin == count and buffer[count - 1 : count] != b"\n"
            end = buffer.rfind(b"\n", begin, count) + 1
            if end:
                yield b"".join((held, view[begin:end]))
                held = b""
            held += view[max(begin, end) : count]
            if len(held) > LINE_LIMIT:
                yield held[:LINE_LIMIT] + b"\n"
                held, skipping = b"", True
            if count < BUFFER // 4:
                time.sleep(PAUSE_S)
    except (StreamBroken, Halted):
        pass  # what is left is still worth showing
    if held:
        yield held + b"\n"


def last_lines(lines: bytes, count: int) -> list[str]:
    """The last of these whole lines, looking at no more of them than it takes."""
    tail = lines[-TAIL:-1].split(b"\n")
    if len(lines) > TAIL:
        tail = tail[1:] if len(tail) > 1 else [lines[:-1].rpartition(b"\n")[2]]
    return [line.rstrip(b"\r").decode("utf-8", "replace") for line in tail[-count:]]
