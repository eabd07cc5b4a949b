"""The figures of a run: the sum over its attempts."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.relay.counters import Counts, Ledger


class Totals:
    """What all attempts have counted. One thread writes, any thread reads."""

    def __init__(self) -> None:
        self.earlier = Counts(emitted=0, delivered=0, unconfirmed=0)
        # In one piece, so that no reader finds an attempt counted twice, or not at all.
        self._parts: tuple[Counts, Ledger | None] = (self.earlier, None)

    def next_attempt(self) -> None:
        """What was counted until now is the past's."""
        self.earlier = self.counts()
        self._parts = (self.earlier, None)

    def counting(self, ledger: Ledger) -> None:
        """The attempt under way, or the last one, counts here."""
        self._parts = (self.earlier, ledger)

    def counts(self) -> Counts:
        """Over all attempts."""
        earlier, ledger = self._parts
        return _sum(earlier, ledger.counts()) if ledger is not None else earlier

    @property
    def in_flight(self) -> int | None:
        """Records that this attempt relayed and that are not acknowledged; None where nobody knows."""
        _, ledger = self._parts
        return ledger.counts().unconfirmed if ledger is not None else None


def _sum(one: Counts, other: Counts) -> Counts:
    def add(a: int | None, b: int | None) -> int | None:
        return None if a is None or b is None else a + b

    return replace(
        one,
        emitted=add(one.emitted, other.emitted),
        relayed=one.relayed + other.relayed,
        delivered=add(one.delivered, other.delivered),
        rejected=one.rejected + other.rejected,
        unconfirmed=add(one.unconfirmed, other.unconfirmed),
        bytes=one.bytes + other.bytes,
    )
