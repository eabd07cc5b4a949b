"""Data, from the input's stdout to the output's stdin: counted, in order, never parsed.

The relay's memory is one buffer: a slow output slows the input. What stops it for good is said by an
`InputClosed` or an exception; it never decides what that means for the run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import msgspec

from dstream_sdk.protocol import NOT_JSON, CheckpointLine, End, EndLine, StatsLine
from orchestrator.relay.channel import Inlet
from orchestrator.relay.control import LineReader, Piece
from orchestrator.relay.counters import Ledger, Settled, protocol_error
from orchestrator.runtime.base import StreamBroken

_CHECKPOINT = msgspec.json.Decoder(CheckpointLine)
_END = msgspec.json.Decoder(EndLine)
_STATS = msgspec.json.Decoder(StatsLine)

LOOK_UP_S = 0.25
"""How long the relay waits for its input at a time: where it took longer, the relay stood still."""

STOOD_STILL_S = 1.0
TAIL = 8 * 1024 * 1024
"""Longer than the first within the last of these bytes, and a container's tail may be missing. Pipes, the engine and
its socket were seen to hold 2.3 MB between a container and a relay that stood still; what they hold may grow."""


@dataclass(frozen=True, slots=True)
class InputClosed:
    """The input's stdout has ended. `ended` says whether `end` was written first.

    `unfinished` are bytes behind the last newline, which count for nothing.
    """

    ended: bool
    unfinished: int = 0


class Writes(Protocol):
    """Where data goes: an `Outlet`, or what keeps a copy besides."""

    def write(self, data: memoryview | bytes) -> int:
        """See `Outlet.write`."""


class OutputGone(Exception):
    """Writing to the output failed; its exit says why."""


class Pump:
    """Relays one attempt's data. `run` belongs to one thread.

    `reader` may hold what came behind the handshake already. `capabilities` are what the input declared,
    `forward_control` says whether the output gets to see checkpoints and `end`. `settled` is called for a
    checkpoint before which everything was written to an output that never acknowledges, `on_end` once the
    input's `end` was taken in, or a legacy input was finished, and everything before it was written.
    """

    def __init__(
        self,
        *,
        inlet: Inlet,
        outlet: Writes,
        reader: LineReader,
        ledger: Ledger,
        capabilities: frozenset[str],
        forward_control: bool,
        settled: Callable[[Settled], None],
        on_end: Callable[[], None],
        on_records: Callable[[int], None] | None = None,
    ) -> None:
        self._inlet = inlet
        self._outlet = outlet
        self._reader = reader
        self._ledger = ledger
        self._capabilities = capabilities
        self._forward_control = forward_control
        self._settled = settled
        self._on_end = on_end
        self._on_records = on_records
        self._end_seen = False
        self._looked_up = time.monotonic()
        self._stood_still_at: int | None = None

    @property
    def tail_doubtful(self) -> bool:
        """Whether the relay stood still within the last bytes: an engine may have dropped the rest.

        It closes an exited container's streams after two seconds, read or not, with a clean EOF.
        """
        at = self._stood_still_at
        return at is not None and self._ledger.bytes - at <= TAIL

    def run(self) -> InputClosed:
        """Relay until the input's stdout ends. Blocks; a halt ends it.

        Raises `RunError` on what cannot be forwarded, `OutputGone`, `StreamBroken` when the input's stream
        broke, and `Halted`.
        """
        self._relay(self._reader.pieces_held())
        while count := self._read():
            self._relay(self._reader.filled(count))
        unfinished = len(self._reader.held)
        if self._end_seen and unfinished:
            raise protocol_error("input", "it wrote on behind `end`", self._reader.offset, self._reader.held)
        return InputClosed(self._end_seen, unfinished)

    def finish(self, *, clean: bool) -> None:
        """Complete a legacy input's stream, once `run` has returned and its exit is known. Blocks and raises as `run`.

        Only where it was `clean` does the last line get the newline that it left out. An output that waits for
        an `end` gets it from here: such an input has none.
        """
        held = self._reader.held
        if clean and (held or self._reader.in_long_line):
            self._write(held + b"\n")
            self._ledger.bytes += len(held) + 1
            self._ledger.relayed += 1
        elif self._reader.in_long_line and self._forward_control:
            raise protocol_error(
                "input", "it ended within a line whose beginning is with the output", self._reader.offset
            )
        if self._forward_control:
            end = End(self._ledger.relayed)
            self._ledger.end(end, self._reader.offset)
            self._write(msgspec.json.encode(EndLine(end)) + b"\n")
        self._on_end()

    def _read(self) -> int:
        """The next bytes, 0 at the end. Every wait is short, so that a process that was stopped finds out."""
        while True:
            self._look_up()
            count = self._inlet.read_into(self._reader.room(), self._looked_up + LOOK_UP_S)
            if count == 0:
                return 0  # to be sure of it may have taken a while
            if count is not None:
                self._look_up()
                return count

    def _look_up(self) -> None:
        """Note whether the relay stood still, in a write or with the whole process."""
        now = time.monotonic()
        if now - self._looked_up > LOOK_UP_S + STOOD_STILL_S:
            self._stood_still_at = self._ledger.bytes
        self._looked_up = now

    def _relay(self, pieces: list[Piece]) -> None:
        """Forward the pieces, those that lie side by side in one write."""
        reader, ledger = self._reader, self._ledger
        before = ledger.newest
        start = end = 0
        for piece in pieces:
            if self._end_seen:
                raise protocol_error(
                    "input", "it wrote on behind `end`", piece.offset, bytes(reader.view[piece.start : piece.end])
                )
            if piece.kind == "data":
                ledger.relayed += piece.lines
                ledger.bytes += piece.end - piece.start
                forward = True
            else:
                # A copy: the state in it waits for its ack, while the buffer goes on to be filled.
                line = bytes(reader.view[piece.start : piece.end])
                forward = self._control(line, piece.offset)
            if forward:
                if piece.start != end:
                    self._flush(start, end)
                    start = piece.start
                end = piece.end
            if piece.kind == "control" and ledger.must_wait():
                self._flush(start, end)
                start = end
                ledger.wait_for_room()
        self._flush(start, end)
        if not ledger.confirming and ledger.newest is not before:
            self._settled(Settled(ledger.newest))
        if self._on_records is not None:
            self._on_records(ledger.relayed)
        if self._end_seen and pieces:
            self._on_end()

    def _control(self, line: bytes, offset: int) -> bool:
        """Take in a control line; says whether it goes on to the output."""
        try:
            first = line[2]
            if first == ord("c"):
                self._declared("checkpoint", offset, line)
                return self._ledger.checkpoint(_CHECKPOINT.decode(line).checkpoint, offset) and self._forward_control
            if first == ord("e"):
                self._ledger.end(_END.decode(line).end, offset)
                self._end_seen = True
                return self._forward_control
            if first == ord("s"):
                self._declared("stats", offset, line)
                self._ledger.stats["input"] = _STATS.decode(line).stats
                return False
        except NOT_JSON as error:
            raise protocol_error("input", f"control line is wrong: {error}", offset, line) from error
        raise protocol_error("input", "reserved line", offset, line)

    def _declared(self, capability: str, offset: int, line: bytes) -> None:
        if capability not in self._capabilities:
            raise protocol_error("input", f"{capability} from an input that declares none", offset, line)

    def _flush(self, start: int, end: int) -> None:
        if end > start:
            self._write(self._reader.view[start:end])

    def _write(self, data: memoryview | bytes) -> None:
        try:
            self._outlet.write(data)
        except StreamBroken as error:
            raise OutputGone(str(error)) from error
