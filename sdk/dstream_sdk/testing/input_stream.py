"""What an input writes, told apart and counted."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from dstream_sdk.protocol.limits import STATE_LIMIT
from dstream_sdk.protocol.messages import CheckpointLine, CheckpointMark, End, EndLine, Envelope, StatsLine
from dstream_sdk.testing.process import ProviderProcess
from dstream_sdk.testing.subject import Subject, expect, fail, shown

MessageT = TypeVar("MessageT")

ENOUGH_RECORDS = 200
ENOUGH_S = 5.0
"""A stream that has no end of its own is looked at for so many records or seconds."""


@dataclass
class InputStream:
    """Follows one run of an input. Every line is held against the rules as it is read."""

    subject: Subject
    process: ProviderProcess
    capabilities: list[str]
    records: list[dict[str, Any]] = field(default_factory=list)
    checkpoints: list[CheckpointMark] = field(default_factory=list)
    end: End | None = None
    last: str = ""
    closed: bool = False

    def read_line(self) -> None:
        """Take one line, or the end of stdout."""
        line = self.process.line(self.subject.patience_s)
        if line is None:
            self.closed = True
            unfinished = self.process.unfinished
            expect(not unfinished, f"stdout ends in the middle of a line: {shown(unfinished)}")
            return
        expect(self.end is None, f"a line follows `end`: {shown(line)}")
        if line.startswith(b'{"checkpoint":'):
            self._take_checkpoint(line)
        elif line.startswith(b'{"end":'):
            self.end = _decoded(line, EndLine).end
            expect(
                self.end.records == len(self.records), f"`end` counts {self.end.records} of {len(self.records)} records"
            )
            self.last = "end"
        elif line.startswith(b'{"stats":'):
            expect("stats" in self.capabilities, "a stats line comes without the capability `stats`")
            _decoded(line, StatsLine)
        else:
            self._take_record(line)

    def read_some(self) -> None:
        """Up to the end of the stream, or to enough of an endless one: a checkpoint is waited for where declared."""
        deadline = time.monotonic() + ENOUGH_S
        while not self.over:
            self.read_line()
            if "checkpoint" in self.capabilities and not self.checkpoints:
                continue
            if len(self.records) >= ENOUGH_RECORDS or time.monotonic() > deadline:
                return

    def read_to_end(self) -> None:
        """Up to `end`; the end of stdout before it is a failure."""
        while self.end is None:
            self.read_line()
            expect(not self.closed, "stdout ended without an `end` line")

    @property
    def over(self) -> bool:
        return self.closed or self.end is not None

    def _take_checkpoint(self, line: bytes) -> None:
        mark = _decoded(line, CheckpointLine).checkpoint
        expect("checkpoint" in self.capabilities, "a checkpoint comes without the capability `checkpoint`")
        expect(
            mark.records == len(self.records),
            f"checkpoint {mark.id} counts {mark.records} of {len(self.records)} records",
        )
        before = self.checkpoints[-1].id if self.checkpoints else None
        expect(before is None or mark.id > before, f"checkpoint {mark.id} follows checkpoint {before}")
        expect(
            len(bytes(mark.state)) <= STATE_LIMIT,
            f"the state of checkpoint {mark.id} is larger than {STATE_LIMIT} bytes",
        )
        self.checkpoints.append(mark)
        self.last = "checkpoint"

    def _take_record(self, line: bytes) -> None:
        envelope = line.startswith((b'{"data":', b'{"before":', b'{"metadata":'))
        expect(envelope, f"behind {len(self.records)} records comes neither envelope nor control line: {shown(line)}")
        _decoded(line, Envelope)
        self.records.append(msgspec.json.decode(line))
        self.last = "record"


def _decoded(line: bytes, kind: type[MessageT]) -> MessageT:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        fail(f"malformed line ({error}): {shown(line)}")
