"""One `run` of an output: batches in, acks out."""

from __future__ import annotations

import base64
import select
import threading
import time
from collections import deque
from typing import Any

import msgspec

from dstream_sdk.context import Context
from dstream_sdk.errors import ProviderError, Rejection
from dstream_sdk.protocol.limits import ACK_LINGER_S, LINE_LIMIT
from dstream_sdk.protocol.messages import (
    Ack,
    AckLine,
    CheckpointMark,
    End,
    EndLine,
    Envelope,
    Reject,
    RejectLine,
    StatsLine,
)
from dstream_sdk.provider import OutputProvider
from dstream_sdk.records import BadLine, RecordReader, Records
from dstream_sdk.stdio import Stdio, read_some, write_all

IDLE_S = 0.01
"""Nothing arrived for so long: an input that waits for an ack is not going to send more first."""

ACK_INTERVAL_S = 0.1
"""While records keep coming, acks are at least so far apart: each may cost the far side a flush."""

_CLOSED = "stdin was closed"
_CONTROL = ('{"ack":', '{"reject":', '{"end":', '{"stats":', '{"dstream":')


class OutputRun:
    """Reads, writes and acknowledges on the calling thread. Records are numbered from 1 in their order."""

    def __init__(
        self, provider: OutputProvider[Any], context: Context, stdio: Stdio, *, protocol: int | None, rest: bytes
    ) -> None:
        self._provider = provider
        self._context = context
        self._stdio = stdio
        self._protocol = protocol
        self._log = context.logger
        self._reader = RecordReader(control=protocol is not None)
        self._rest = rest
        self._encode = msgspec.json.Encoder().encode
        self._sending = threading.Lock()
        self._end: End | None = None
        self._received = 0
        self._handled = 0
        self._rejected = 0
        self._rejected_acked = 0
        self._rejects: deque[int] = deque()
        self._pending: list[Envelope] = []
        self._pending_lines: list[bytes] = []
        self._pending_bytes = 0
        self._pending_since = 0.0
        self._checkpoints: deque[CheckpointMark] = deque()
        self._acked_records = 0
        self._acked_at = 0.0
        context.port.stats = self._send_stats
        context.port.show = self._show

    def run(self) -> None:
        """Write until the stream ends; returns once everything is written and acknowledged.

        Raises what the provider raised, and `ProviderError` where the stream broke off or the run
        was told to stop: what had arrived is written and acknowledged before.
        """
        self._take(self._rest)
        over = ""
        while self._end is None and not over:
            over = self._step()
        self._write_pending()
        self._acknowledge()
        if self._reader.unfinished:
            self._log.warning("discarded %d bytes after the last newline", self._reader.unfinished)
        if over and not (over == _CLOSED and self._protocol is None):
            raise ProviderError(f"{over} before the stream had ended")

    def say_end(self) -> None:
        """The last line, once the provider is closed: nothing can fail behind it."""
        if self._protocol:
            self._send(self._encode(EndLine(End(self._received, self._rejected))))

    def _step(self) -> str:
        """Wait for the next thing and do it. Returns why the stream is over, if it is."""
        readable = self._poll()
        if self._context.stopping:
            return self._context.stop.reason
        if readable:
            chunk = read_some(self._stdio.stdin)
            if not chunk:
                return _CLOSED
            self._take(chunk)
        now = time.monotonic()
        idle = not readable
        if self._pending and (now - self._pending_since >= self._linger() or (idle and self._checkpoints)):
            self._write_pending()
        if self._checkpoints and (idle or now - self._acked_at >= ACK_INTERVAL_S):
            self._acknowledge()
        return ""

    def _linger(self) -> float:
        return min(self._provider.linger_s, ACK_LINGER_S)

    def _poll(self) -> bool:
        """Wait for stdin, the end of a linger, or the wish to stop. Returns whether stdin is readable."""
        timeout: float | None = None
        if self._checkpoints:
            timeout = IDLE_S * 1000
        elif self._pending:
            timeout = max(0.0, self._pending_since + self._linger() - time.monotonic()) * 1000 + 1
        poll = select.poll()
        poll.register(self._stdio.stdin, select.POLLIN)
        poll.register(self._context.stop.fileno(), select.POLLIN)
        return any(fd == self._stdio.stdin for fd, _ in poll.poll(timeout))

    def _take(self, chunk: bytes) -> None:
        for item in self._reader.feed(chunk):
            if isinstance(item, Records):
                self._take_records(item)
            elif isinstance(item, CheckpointMark):
                self._expect(item.records, f"checkpoint {item.id}")
                self._checkpoints.append(item)
                if self._acked_records == item.records:
                    self._acknowledge()
            elif isinstance(item, End):
                self._expect(item.records, "the end")
                self._end = item
                return
            else:
                self._take_bad_line(item)

    def _expect(self, records: int, where: str) -> None:
        if records != self._received:
            raise ProviderError(f"{self._received} records arrived before {where}, which counts {records}")

    def _take_records(self, records: Records) -> None:
        if not self._pending:
            self._pending_since = time.monotonic()
        self._received += len(records.envelopes)
        self._pending += records.envelopes
        self._pending_lines.append(records.lines)
        self._pending_bytes += len(records.lines)
        if len(self._pending) >= self._provider.batch_records or self._pending_bytes >= self._provider.batch_bytes:
            self._write_pending()

    def _take_bad_line(self, bad: BadLine) -> None:
        self._write_pending()
        self._received += 1
        self._reject(self._received, bad.line, "not_an_envelope", bad.reason)
        self._handled = self._received

    def _write_pending(self) -> None:
        """Write everything that waits, in batches of at most `batch_records`."""
        size = self._provider.batch_records
        pending, lines = self._pending, self._pending_lines
        self._pending, self._pending_lines, self._pending_bytes = [], [], 0
        first = self._handled
        for start in range(0, len(pending), size):
            self._write(pending[start : start + size], first, start, lines)

    def _write(self, batch: list[Envelope], first: int, offset: int, lines: list[bytes]) -> None:
        """Write one batch, which begins `offset` records into `lines`, themselves `first` records into the stream."""
        while batch:
            done = len(batch)
            try:
                rejections = list(self._provider.write(batch) or ())
            except Rejection as raised:
                rejections = [raised]
                done = raised.index + 1
            for rejection in sorted(rejections, key=lambda one: one.index):
                if not 0 <= rejection.index < len(batch):
                    raise ProviderError(f"`write` rejected record {rejection.index} of a batch of {len(batch)}")
                place = offset + rejection.index
                line = b"".join(lines).split(b"\n")[place]
                self._reject(first + place + 1, line, rejection.code, rejection.reason, is_envelope=True)
            batch = batch[done:]
            offset += done
            self._handled = first + offset

    def _reject(self, record: int, line: bytes, code: str, reason: str, *, is_envelope: bool = False) -> None:
        if not self._protocol:
            raise ProviderError(
                f"record {record} cannot be written: {code}: {reason}", hint="protocol 1 keeps such records"
            )
        if is_envelope:
            reject = Reject(record, code, reason, envelope=msgspec.Raw(line.strip()))
        else:
            reject = Reject(record, code, reason, raw=base64.b64encode(line).decode())
        encoded = self._encode(RejectLine(reject))
        if len(encoded) >= LINE_LIMIT:
            raise ProviderError(f"record {record} cannot be written and is too long to be reported: {code}: {reason}")
        self._send(encoded)
        self._rejected += 1
        self._rejects.append(record)

    def _acknowledge(self) -> None:
        """Ack the newest checkpoint before which everything is written, after the provider's flush."""
        newest: CheckpointMark | None = None
        while self._checkpoints and self._checkpoints[0].records <= self._handled:
            newest = self._checkpoints.popleft()
        if newest is None:
            return
        if newest.records > self._acked_records:
            self._provider.flush()
        while self._rejects and self._rejects[0] <= newest.records:
            self._rejects.popleft()
            self._rejected_acked += 1
        self._send(self._encode(AckLine(Ack(newest.id, newest.records, self._rejected_acked))))
        self._acked_records = newest.records
        self._acked_at = time.monotonic()

    def _send_stats(self, figures: dict[str, Any]) -> None:
        if self._protocol:
            self._send(self._encode(StatsLine(figures)))

    def _show(self, text: str) -> None:
        """Text for the user; a space keeps a line that looks like control from being taken for it."""
        lines = [f" {line}" if line.startswith(_CONTROL) else line for line in text.removesuffix("\n").split("\n")]
        self._send("\n".join(lines).encode("utf-8", "backslashreplace"))

    def _send(self, line: bytes) -> None:
        with self._sending:
            write_all(self._stdio.stdout, line + b"\n")
