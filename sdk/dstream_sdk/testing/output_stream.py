"""Feeds an output and holds what it answers against the rules."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from dstream_sdk.protocol.messages import Ack, AckLine, End, EndLine, Reject, RejectLine, StatsLine
from dstream_sdk.testing.process import DeadlineMissed, ProviderProcess
from dstream_sdk.testing.subject import Subject, expect, fail, shown

MessageT = TypeVar("MessageT")


@dataclass
class OutputStream:
    """One run of an output. `sent` counts data lines."""

    subject: Subject
    process: ProviderProcess
    capabilities: list[str]
    sent: int = 0
    checkpoints: dict[int, int] = field(default_factory=dict)
    acks: list[Ack] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    text: list[bytes] = field(default_factory=list)
    end: End | None = None
    closed: bool = False

    def send_line(self, line: bytes) -> None:
        """Send one data line as it is; a provider that closed its stdin is noticed when it is read."""
        self.process.send(line + b"\n", self.subject.patience_s)
        self.sent += 1

    def send_records(self, count: int) -> None:
        """Send plain records, numbered on."""
        for _ in range(count):
            self.send_line(msgspec.json.encode(record(self.sent + 1)))

    def send_checkpoint(self, number: int) -> None:
        """Send a checkpoint behind what was sent so far."""
        self.checkpoints[number] = self.sent
        self.subject.send(
            self.process, {"checkpoint": {"id": number, "records": self.sent, "state": {"at": self.sent}}}
        )

    def send_end(self) -> None:
        self.subject.send(self.process, {"end": {"records": self.sent}})

    def wait_for_ack(self, number: int, within: float) -> None:
        """Read until checkpoint `number`, or a later one, is acknowledged."""
        deadline = time.monotonic() + within
        while not self.acks or self.acks[-1].id < number:
            try:
                self.read_line(max(0.0, deadline - time.monotonic()))
            except DeadlineMissed:
                fail(f"checkpoint {number} was not acknowledged within {within:g} s")
            expect(not self.closed, f"stdout ended before checkpoint {number} was acknowledged")

    def read_to_close(self) -> None:
        """Read everything up to the end of stdout."""
        while not self.closed:
            self.read_line(self.subject.patience_s)

    def read_line(self, within: float) -> None:
        """Take one line, or the end of stdout."""
        line = self.process.line(within)
        if line is None:
            self.closed = True
            return
        expect(self.end is None, f"a line follows `end`: {shown(line)}")
        if line.startswith(b'{"ack":'):
            self._take_ack(_decoded(line, AckLine).ack)
        elif line.startswith(b'{"reject":'):
            self._take_reject(_decoded(line, RejectLine).reject)
        elif line.startswith(b'{"end":'):
            self.end = _decoded(line, EndLine).end
        elif line.startswith(b'{"stats":'):
            expect("stats" in self.capabilities, "a stats line comes without the capability `stats`")
            _decoded(line, StatsLine)
        else:
            self.text.append(line)

    def expect_all_answered(self) -> None:
        """After `end`: everything acknowledged, its own `end` with the right counts, exit status 0."""
        self.read_to_close()
        if self.end is None:
            fail(f"it wrote no `end`, and exited {self.process.status(self.subject.patience_s)}")
        expect(self.end.records == self.sent, f"its `end` counts {self.end.records} of {self.sent} records")
        expect(
            self.end.rejected == len(self.rejects),
            f"its `end` counts {self.end.rejected} of {len(self.rejects)} rejects",
        )
        if self.checkpoints and "ack" in self.capabilities:
            newest = max(self.checkpoints)
            expect(self.acks and self.acks[-1].id == newest, f"checkpoint {newest} was not acknowledged before `end`")
        status = self.process.status(self.subject.patience_s)
        expect(status == 0, f"it exits {status} after its `end`")

    def _take_ack(self, ack: Ack) -> None:
        expect("ack" in self.capabilities, "an ack comes without the capability `ack`")
        expect(ack.id in self.checkpoints, f"it acknowledges checkpoint {ack.id}, which it was never sent")
        sent = self.checkpoints[ack.id]
        expect(ack.records == sent, f"its ack of checkpoint {ack.id} counts {ack.records} of {sent} records")
        before = self.acks[-1].id if self.acks else None
        expect(before is None or ack.id > before, f"its ack of checkpoint {ack.id} follows that of {before}")
        covered = sum(reject.record <= sent for reject in self.rejects)
        expect(ack.rejected == covered, f"its ack of checkpoint {ack.id} counts {ack.rejected} of {covered} rejects")
        self.acks.append(ack)

    def _take_reject(self, reject: Reject) -> None:
        expect("reject" in self.capabilities, "a reject comes without the capability `reject`")
        expect(1 <= reject.record <= self.sent, f"it rejects record {reject.record} of {self.sent}")
        expect(reject.code, f"its reject of record {reject.record} has no code")
        expect(reject.envelope is not None or reject.raw is not None, f"its reject of record {reject.record} is empty")
        covered = self.acks[-1].records if self.acks else 0
        expect(reject.record > covered, f"it rejects record {reject.record} behind the ack that covers it")
        self.rejects.append(reject)


def record(number: int, **data: Any) -> dict[str, Any]:
    """One envelope as a counter would give it."""
    return {
        "data": {"value": number, "timestamp": "2026-01-31T12:00:00Z", **data},
        "metadata": {"seq": number, "source": "contract", "TableName": "contract"},
    }


def _decoded(line: bytes, kind: type[MessageT]) -> MessageT:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        fail(f"malformed control line ({error}): {shown(line)}")
