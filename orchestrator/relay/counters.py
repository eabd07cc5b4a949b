"""What a run has counted, and the checkpoints that still await their ack.

One `Ledger` per attempt, shared by the thread that relays data and the one that reads acks. It is the
one place that decides whether a count, a checkpoint, an ack or an end is right.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

from dstream_sdk.protocol import PENDING_CHECKPOINTS, PENDING_STATE, STATE_LIMIT, Ack, CheckpointMark, End
from orchestrator.errors import RunError, Where
from orchestrator.relay.channel import Halted
from orchestrator.runtime.base import Role

REJECTS_HELD = 16 * 1024 * 1024
"""Bytes of rejected records kept until their ack; more are stored ahead of it."""

LARGEST_ID = 2**63 - 1
"""The largest checkpoint id that a store can be expected to keep."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The figures of one attempt. None where nobody counted: a best-effort output tells nothing."""

    emitted: int | None = None
    relayed: int = 0
    delivered: int | None = None
    rejected: int = 0
    unconfirmed: int | None = None
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that the output can never write; `record` counts from 1 since start.

    `content` is the envelope as JSON, or the line's bytes where `raw`.
    """

    record: int
    code: str
    reason: str
    content: bytes
    raw: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """What may become durable now: rejects, and the checkpoint before which all is dealt with."""

    mark: CheckpointMark | None
    rejects: tuple[Rejected, ...] = ()


class Ledger:
    """Counts of one attempt. Thread-safe.

    `confirming` says whether the output acknowledges; without, nobody knows what was delivered. `checkpointing`
    says whether the input gives it something to acknowledge before the end.
    """

    def __init__(self, *, confirming: bool, max_in_flight: int, checkpointing: bool = True) -> None:
        self.confirming = confirming
        self._acks_come = confirming and checkpointing
        self.relayed = 0
        self.bytes = 0
        self.acked = 0
        self.durable = 0
        self.rejected = 0
        self.emitted: int | None = None
        self.stats: dict[Role, dict[str, Any]] = {}
        self._max_in_flight = max_in_flight
        self._changed = threading.Condition()
        self._pending: deque[CheckpointMark] = deque()
        self._pending_state = 0
        self._newest: CheckpointMark | None = None
        self._last_id = -1
        self._last_acked_id = -1
        self._rejects: dict[int, Rejected | None] = {}  # None: stored ahead of its ack
        self._rejects_held = 0
        self._complete = False
        self._stopped = False

    # The relaying thread's side.

    def checkpoint(self, mark: CheckpointMark, offset: int) -> bool:
        """Take in the input's checkpoint; says whether the output gets to see it.

        Raises `RunError`: `relay.count_mismatch` when the input's count is not the relay's own.
        """
        if mark.id <= self._last_id:
            raise protocol_error("input", f"checkpoint id {mark.id} follows {self._last_id}", offset)
        if mark.records != self.relayed:
            raise count_mismatch("input", f"checkpoint {mark.id}", mark.records, self.relayed, offset)
        if mark.id > LARGEST_ID:
            raise protocol_error("input", f"checkpoint id {mark.id} is larger than {LARGEST_ID}", offset)
        size = len(bytes(mark.state))
        if size > STATE_LIMIT:
            raise protocol_error("input", f"checkpoint {mark.id} holds {size:,} bytes of state", offset)
        self._last_id = mark.id
        with self._changed:
            self._newest = mark
            if not self.confirming:
                return False
            if len(self._pending) >= PENDING_CHECKPOINTS or self._pending_state + size > PENDING_STATE:
                return False
            self._pending.append(mark)
            self._pending_state += size
            return True

    def must_wait(self) -> bool:
        """Whether `max_in_flight` is exceeded: a crash now would repeat more. Asked behind each checkpoint."""
        return self.confirming and self.relayed - self.durable > self._max_in_flight

    def wait_for_room(self) -> None:
        """Block until acks have made room again; they have a deadline of their own. `stop` ends it with `Halted`."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or not (self.must_wait() and self._more_to_come()))
            if self._stopped:
                raise Halted

    def _more_to_come(self) -> bool:
        return bool(self._pending) or self.acked > self.durable

    def end(self, end: End, offset: int) -> None:
        """Take in the input's `end`."""
        if end.records != self.relayed:
            raise count_mismatch("input", "`end`", end.records, self.relayed, offset)
        self.emitted = end.records

    # The ack reader's side.

    def reject(self, letter: Rejected, offset: int) -> Settled | None:
        """Take in that a record can never be written.

        Gives what must be stored ahead of the ack: once too much of it is held, and at once where no ack will
        come, since nobody will ever repeat the record.
        """
        if not self.acked < letter.record <= self.relayed or letter.record in self._rejects:
            raise protocol_error("output", f"reject of record {letter.record}, unknown or settled", offset)
        if not self._acks_come:
            self._rejects[letter.record] = None
            return Settled(None, (letter,))
        self._rejects[letter.record] = letter
        self._rejects_held += len(letter.content)
        if self._rejects_held <= REJECTS_HELD:
            return None
        early = tuple(held for held in self._rejects.values() if held)
        self._rejects = dict.fromkeys(self._rejects)
        self._rejects_held = 0
        return Settled(None, early)

    def ack(self, ack: Ack, offset: int) -> Settled:
        """Check an ack against what was relayed and give the checkpoint that it settles."""
        if ack.id <= self._last_acked_id:
            raise protocol_error("output", f"ack {ack.id} follows ack {self._last_acked_id}", offset)
        with self._changed:
            while self._pending and self._pending[0].id < ack.id:
                self._pending_state -= len(bytes(self._pending.popleft().state))
            if not self._pending or self._pending[0].id != ack.id:
                raise protocol_error("output", f"ack {ack.id} names no checkpoint that it was sent", offset)
            mark = self._pending.popleft()
            self._pending_state -= len(bytes(mark.state))
            if ack.records != mark.records:
                raise count_mismatch("output", f"ack {ack.id}", ack.records, mark.records, offset)
            letters = self._settle_rejects(ack.records, ack.rejected, f"ack {ack.id}", offset)
            self._last_acked_id = ack.id
            self.acked = mark.records
            self._changed.notify_all()
        return Settled(mark, letters)

    def finish(self, end: End, offset: int) -> Settled:
        """Take in the output's `end`: everything is flushed, so the input's last checkpoint is settled."""
        if self.emitted is None:
            raise protocol_error("output", "`end` came before the input's", offset)
        with self._changed:
            if end.records != self.relayed:
                raise count_mismatch("output", "`end`", end.records, self.relayed, offset)
            letters = self._settle_rejects(end.records, end.rejected, "`end`", offset)
            self._pending.clear()
            self.acked = end.records
            self._complete = True
            newest = self._newest
            self._changed.notify_all()
        settled = newest is None or newest.id == self._last_acked_id
        return Settled(None if settled else newest, letters)

    def _settle_rejects(self, records: int, claimed: int, what: str, offset: int) -> tuple[Rejected, ...]:
        covered = sorted(record for record in self._rejects if record <= records)
        letters = tuple(letter for letter in (self._rejects.pop(record) for record in covered) if letter)
        self._rejects_held -= sum(len(letter.content) for letter in letters)
        self.rejected += len(covered)
        if claimed != self.rejected:
            raise count_mismatch("output", f"{what} (rejected)", claimed, self.rejected, offset)
        return letters

    # The settler's side.

    def stored(self, settled: Settled) -> None:
        """Take in that a checkpoint is durable: the next run would begin behind it."""
        if settled.mark is not None:
            with self._changed:
                self.durable = settled.mark.records
                self._changed.notify_all()

    # Anybody's.

    @property
    def newest(self) -> CheckpointMark | None:
        """The last checkpoint that the input wrote."""
        return self._newest

    @property
    def newest_ack(self) -> int:
        """The id of the last checkpoint that the output acknowledged, -1 before the first."""
        return self._last_acked_id

    @property
    def awaiting_ack(self) -> bool:
        """Whether the output owes an ack."""
        return bool(self._pending)

    @property
    def complete(self) -> bool:
        """Whether the output has said that everything is flushed."""
        return self._complete

    def stop(self) -> None:
        """Wake whoever waits for room, for good."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def counts(self) -> Counts:
        """The figures so far: relayed = delivered + rejected + unconfirmed, where anybody knows."""
        known = self.confirming or self._complete
        acked, rejected = self.acked, self.rejected
        return Counts(
            emitted=self.emitted,
            relayed=self.relayed,
            delivered=acked - rejected if known else None,
            rejected=rejected,
            unconfirmed=self.relayed - acked if known else None,
            bytes=self.bytes,
        )


def protocol_error(role: Role, what: str, offset: int, text: bytes = b"") -> RunError:
    """A control line that breaks the contract, at a byte offset of its sender's stdout."""
    return RunError(
        "relay.protocol",
        f"the {role} broke the protocol at offset {offset:,}: {what}",
        hint="this is a fault of the provider; `docs/protocol.md` says what each line must hold",
        where=Where(text=text[:200].decode("utf-8", "replace").rstrip() or None),
    )


def count_mismatch(role: Role, what: str, theirs: int, ours: int, offset: int) -> RunError:
    """Records were lost, doubled or miscounted between two parties: never go on after it."""
    return RunError(
        "relay.count_mismatch",
        f"the {role} counts {theirs:,} records at {what}, the relay {ours:,} (offset {offset:,})",
        hint="nothing past the last good checkpoint was acknowledged; run the task again to repeat from there",
    )
