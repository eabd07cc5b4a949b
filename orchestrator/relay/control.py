"""Cuts a provider's stdout into data and control lines.

Data is never parsed. A line is control if and only if its first bytes are one of the prefixes of its
sender's role, so a chunk is searched for each prefix once, and everything between two control lines is
one piece however many data lines it holds. No splitting of the stream into reads changes the pieces'
bytes or the control lines (`tests/unit/relay/test_control.py` holds the property).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import stringzilla

from dstream_sdk.protocol import HOLD_BACK, LINE_LIMIT
from orchestrator.errors import RunError, Where
from orchestrator.runtime.base import Role

PREFIXES: dict[Role, tuple[bytes, ...]] = {
    "input": (b'{"checkpoint":', b'{"end":', b'{"stats":', b'{"dstream":'),
    "output": (b'{"ack":', b'{"reject":', b'{"end":', b'{"stats":'),
}
"""`{"dstream":` is reserved: whoever decodes control lines refuses it. A reject carries its record, so a
control line may be as long as a data line."""

CHUNK = 256 * 1024
"""Bytes asked for in one read: large enough that calls are cheap, small enough to stay in the cache."""

BOM = b"\xef\xbb\xbf"


class Piece(NamedTuple):
    """`reader.view[start:end]`: whole data lines, part of a long one, or one control line.

    `lines` counts the newlines of a data piece; `offset` is where the piece begins in the stream.
    """

    kind: Literal["data", "control"]
    start: int
    end: int
    lines: int
    offset: int


class LineReader:
    """Holds what has been read and not yet cut. Not thread-safe.

    Read into `room()`, then ask `filled(n)` for the pieces that the n bytes complete. They stay valid
    until the next `room()`, which uses the buffer again. What has no newline yet is held back, up to
    `HOLD_BACK` bytes of a data line; a longer one is handed out in parts.
    """

    def __init__(self, role: Role, prefixes: tuple[bytes, ...]) -> None:
        self._role = role
        self._prefixes = prefixes
        self._needles = tuple(b"\n" + prefix for prefix in prefixes)
        self._buffer = bytearray(2 * CHUNK)
        self.view = memoryview(self._buffer)
        self._start = 0  # what is held, without a newline in it unless it was put there by `hold`
        self._end = 0
        self._offset = 0  # stream offset of the buffer's start
        self._long = 0  # length so far of a line that is being handed out in parts

    @property
    def held(self) -> bytes:
        """The unfinished line, as far as it is still here."""
        return bytes(self.view[self._start : self._end])

    @property
    def in_long_line(self) -> bool:
        """Whether the beginning of an unfinished line has been handed out already."""
        return self._long > 0

    @property
    def offset(self) -> int:
        """Bytes of the stream before what is held."""
        return self._offset + self._start

    def room(self) -> memoryview:
        """Where the next read goes, at least `CHUNK` bytes."""
        held = self._end - self._start
        if self._start:
            self._buffer[:held] = self._buffer[self._start : self._end]
            self._offset += self._start
            self._start, self._end = 0, held
        if len(self._buffer) - held < CHUNK:
            grown = bytearray(2 * len(self._buffer))
            grown[:held] = self.view[:held]
            self._buffer, self.view = grown, memoryview(grown)
        return self.view[held : held + CHUNK]

    def hold(self, count: int) -> None:
        """Note that `count` bytes were read into `room()`, without cutting them yet."""
        self._end += count

    def peek_line(self) -> bytes | None:
        """The first held line, newline included, or None while there is none."""
        end = self._buffer.find(b"\n", self._start, self._end) + 1
        return bytes(self.view[self._start : end]) if end else None

    def skip(self, count: int) -> None:
        """Drop `count` held bytes: they were not part of the stream."""
        self._start += count

    def pieces_held(self) -> list[Piece]:
        """The pieces of what `hold` put here."""
        start, end = self._start, self._end
        self._end = start
        return self.filled(end - start)

    def filled(self, count: int) -> list[Piece]:
        """The pieces that `count` more bytes complete, in order."""
        fresh = self._end
        self._end = end = fresh + count
        pieces: list[Piece] = []
        if self._long and self._start < end:
            newline = self._buffer.find(b"\n", self._start, end) + 1
            stop = newline or end
            self._long += stop - self._start
            self._check_length(self._long, stop)
            pieces.append(Piece("data", self._start, stop, 1 if newline else 0, self._offset + self._start))
            self._start = stop
            if not newline:
                return pieces
            self._long = 0
        cut = self._buffer.rfind(b"\n", max(fresh, self._start), end) + 1
        if cut:
            self._cut_lines(self._start, cut, pieces)
            self._start = cut
        rest = end - self._start
        self._check_length(rest, end)
        if rest > HOLD_BACK and not self._buffer.startswith(self._prefixes, self._start, end):
            self._long = rest
            pieces.append(Piece("data", self._start, end, 0, self._offset + self._start))
            self._start = end
        return pieces

    def _cut_lines(self, start: int, end: int, pieces: list[Piece]) -> None:
        """Cut `buffer[start:end]`: whole lines, from a line's start."""
        view, base = self.view, self._offset
        # Where each kind of control line comes next; `end` once there is none left in this chunk.
        following = [self._find(needle, start, end) for needle in self._needles]
        for number, prefix in enumerate(self._prefixes):
            if self._buffer.startswith(prefix, start, end):
                following[number] = start
        while True:
            control = min(following, default=end)
            if control > start:
                lines = stringzilla.count(view, b"\n", start, control)
                pieces.append(Piece("data", start, control, lines, base + start))
            if control == end:
                return
            kind = following.index(control)
            start = self._buffer.find(b"\n", control, end) + 1
            pieces.append(Piece("control", control, start, 0, base + control))
            # The newline that ends this control line may begin the needle of the next.
            following[kind] = self._find(self._needles[kind], start - 1, end)

    def _find(self, needle: bytes, start: int, end: int) -> int:
        at: int = stringzilla.find(self.view, needle, start, end)
        return at + 1 if at >= 0 else end

    def _check_length(self, length: int, end: int) -> None:
        if length <= LINE_LIMIT:
            return
        begins = self._offset + end - length
        first = bytes(self.view[max(0, end - length) : end][:80])
        raise RunError(
            "relay.line_too_long",
            f"the {self._role} wrote a line of more than {LINE_LIMIT:,} bytes at offset {begins:,}",
            hint="split the record, or keep large values outside the stream and send a reference",
            where=Where(text=first.decode("utf-8", "replace")),
        )
