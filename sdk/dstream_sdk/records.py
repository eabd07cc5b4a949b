"""Cuts an output's stdin into records and control lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from dstream_sdk.errors import ProviderError
from dstream_sdk.protocol import NOT_JSON
from dstream_sdk.protocol.limits import LINE_LIMIT
from dstream_sdk.protocol.messages import CheckpointLine, CheckpointMark, End, EndLine, Envelope

_CHECKPOINT = b'{"checkpoint":'
_END = b'{"end":'


@dataclass(frozen=True, slots=True)
class Records:
    """Some records in their order; `lines` are the bytes they came as, one line each."""

    envelopes: list[Envelope]
    lines: bytes


@dataclass(frozen=True, slots=True)
class BadLine:
    """A data line that is no envelope, without its newline."""

    line: bytes
    reason: str


class RecordReader:
    """Fed with whatever reads return; gives what whole lines hold.

    Data is decoded by the block, so a record costs little more than its JSON. With `control`
    false (an older orchestrator) every line is data.
    """

    def __init__(self, *, control: bool) -> None:
        self._control = control
        self._partial: list[bytes] = []
        self._partial_size = 0
        self._decode_all = msgspec.json.Decoder(list[Envelope]).decode
        self._decode = msgspec.json.Decoder(Envelope).decode

    @property
    def unfinished(self) -> int:
        """How many bytes came after the last newline. They do not count."""
        return self._partial_size

    def feed(self, chunk: bytes) -> Iterator[Records | BadLine | CheckpointMark | End]:
        """What became complete with `chunk`. Raises `ProviderError` on malformed control or an endless line."""
        last = chunk.rfind(b"\n") + 1
        if last == 0:
            self._keep(chunk)
            return
        block = b"".join((*self._partial, chunk[:last]))
        self._partial, self._partial_size = [], 0
        self._keep(chunk[last:])
        if self._control:
            yield from self._split(block)
        else:
            yield from self._records(block)

    def _keep(self, chunk: bytes) -> None:
        if chunk:
            self._partial.append(chunk)
            self._partial_size += len(chunk)
        if self._partial_size > LINE_LIMIT:
            raise ProviderError(f"a line on stdin is longer than {LINE_LIMIT} bytes")

    def _split(self, block: bytes) -> Iterator[Records | BadLine | CheckpointMark | End]:
        start = 0
        places = {prefix: _find_line(block, prefix, 0) for prefix in (_CHECKPOINT, _END)}
        while start < len(block):
            prefix = min(places, key=lambda key: places[key])
            place = places[prefix]
            if place > start:
                yield from self._records(block[start:place])
            if place == len(block):
                return
            start = block.index(b"\n", place) + 1
            yield _control(prefix, block[place:start])
            places[prefix] = _find_line(block, prefix, start)

    def _records(self, lines: bytes) -> Iterator[Records | BadLine]:
        # As an array with the newlines kept, so that only lines of one value each can make it a valid one
        # of their number: a blank line, a broken one or two values in a line cannot hide behind another.
        try:
            envelopes = self._decode_all(b"[" + lines[:-1].replace(b"\n", b",\n") + b"]")
        except NOT_JSON:
            yield from self._one_by_one(lines)
            return
        if len(envelopes) == lines.count(b"\n"):
            yield Records(envelopes, lines)
        else:
            yield from self._one_by_one(lines)

    def _one_by_one(self, lines: bytes) -> Iterator[Records | BadLine]:
        """The slow way, taken when not every line of a block is one envelope."""
        for line in lines.split(b"\n")[:-1]:
            try:
                envelope = self._decode(line)
            except NOT_JSON as error:
                yield BadLine(line, str(error))
            else:
                yield Records([envelope], line + b"\n")


def _find_line(block: bytes, prefix: bytes, start: int) -> int:
    """Where the next line with `prefix` begins, at `start` (a line's beginning) or later; else the block's end."""
    if block.startswith(prefix, start):
        return start
    place = block.find(b"\n" + prefix, start)
    return len(block) if place < 0 else place + 1


def _control(prefix: bytes, line: bytes) -> CheckpointMark | End:
    try:
        if prefix == _CHECKPOINT:
            return msgspec.json.decode(line, type=CheckpointLine).checkpoint
        return msgspec.json.decode(line, type=EndLine).end
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProviderError(f"malformed control line on stdin: {error}") from error
