"""What an output writes on its stdout: acks, rejects, its end, figures, and text for the user."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from dstream_sdk.protocol import NOT_JSON, AckLine, EndLine, RejectLine, StatsLine
from orchestrator.relay.channel import Inlet
from orchestrator.relay.control import LineReader, Piece
from orchestrator.relay.counters import Ledger, Rejected, Settled, protocol_error

NAP_S = 0.005
SPARSE = 4096
"""After a read of fewer bytes the reader naps: acks that come one by one would wake it for each, which costs
the data path more than they are worth before the next commit."""

_ACK = msgspec.json.Decoder(AckLine)
_REJECT = msgspec.json.Decoder(RejectLine)
_END = msgspec.json.Decoder(EndLine)
_STATS = msgspec.json.Decoder(StatsLine)


@dataclass(frozen=True, slots=True)
class OutputClosed:
    """The output's stdout has ended; `ended` says whether its `end` came first."""

    ended: bool


class Replies:
    """Reads one output's stdout, never pausing for anybody. `run` belongs to one thread.

    `text` is given whole chunks of text lines and must not block. `on_end` is called once the output has
    said that all is flushed, after `settled` was given the last that is to become durable.
    """

    def __init__(
        self,
        *,
        inlet: Inlet,
        reader: LineReader,
        ledger: Ledger,
        capabilities: frozenset[str],
        settled: Callable[[Settled], None],
        text: Callable[[bytes], None],
        on_end: Callable[[], None],
    ) -> None:
        self._inlet = inlet
        self._reader = reader
        self._ledger = ledger
        self._capabilities = capabilities
        self._settled = settled
        self._text = text
        self._on_end = on_end
        self._ended = False

    def run(self) -> OutputClosed:
        """Read to the end. Raises `RunError` on a wrong control line, `StreamBroken` and `Halted`."""
        self._take(self._reader.pieces_held())
        while True:
            count = self._inlet.read_into(self._reader.room())
            if not count:
                break
            self._take(self._reader.filled(count))
            if count < SPARSE:
                time.sleep(NAP_S)
        if self._reader.held:
            self._text(self._reader.held)
        return OutputClosed(self._ended)

    def _take(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            line = bytes(self._reader.view[piece.start : piece.end])
            if piece.kind == "data":
                self._text(line)
                continue
            if self._ended:
                raise protocol_error("output", "it wrote on behind `end`", piece.offset, line)
            try:
                settled = self._control(line, piece.offset)
            except NOT_JSON as error:
                raise protocol_error("output", f"control line is wrong: {error}", piece.offset, line) from error
            if settled is not None:
                self._settled(settled)

    def _control(self, line: bytes, offset: int) -> Settled | None:
        if line.startswith(b'{"ack":'):
            self._declared("ack", offset, line)
            return self._ledger.ack(_ACK.decode(line).ack, offset)
        if line.startswith(b'{"reject":'):
            self._declared("reject", offset, line)
            return self._ledger.reject(_letter(_REJECT.decode(line), offset), offset)
        if line.startswith(b'{"end":'):
            settled = self._ledger.finish(_END.decode(line).end, offset)
            self._ended = True
            self._settled(settled)
            self._on_end()
            return None
        self._declared("stats", offset, line)
        self._ledger.stats["output"] = _STATS.decode(line).stats
        return None

    def _declared(self, capability: str, offset: int, line: bytes) -> None:
        if capability not in self._capabilities:
            raise protocol_error("output", f"{capability} from an output that declares none", offset, line)


def _letter(line: RejectLine, offset: int) -> Rejected:
    reject = line.reject
    if reject.envelope is not None:
        return Rejected(reject.record, reject.code, reject.reason, bytes(reject.envelope))
    if reject.raw is None:
        raise protocol_error("output", f"reject of record {reject.record} holds neither `envelope` nor `raw`", offset)
    try:
        raw = base64.b64decode(reject.raw, validate=True)
    except (binascii.Error, ValueError) as error:
        raise protocol_error("output", f"reject of record {reject.record}: `raw` is not base64", offset) from error
    return Rejected(reject.record, reject.code, reject.reason, raw, raw=True)
