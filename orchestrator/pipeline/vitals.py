"""What one run knows of itself, kept up to date by the run and read as `Live` by whoever asks."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from orchestrator.pipeline.attempt import Attempt
from orchestrator.pipeline.live import Live, LiveCheckpoint, LiveProvider, RunState
from orchestrator.pipeline.observe import Phase
from orchestrator.pipeline.provider import Prepared
from orchestrator.pipeline.rates import Sampler
from orchestrator.pipeline.totals import Totals
from orchestrator.redact import masked
from orchestrator.runtime.base import ImageProgram, Role
from orchestrator.state.store import Checkpoint, Outcome

STATS_LIMIT = 16 * 1024
"""Bytes of JSON that the stats of one provider may take when they are told."""

WORD_SHOWN = 1000
"""Characters of each last stderr line that are told."""

# `stopping` is how every attempt ends: what comes next, another one or none, is told by whoever knows.
_STATES: Mapping[Phase, RunState] = {
    "preparing": "starting",
    "standby": "standby",
    "starting": "starting",
    "running": "running",
    "draining": "draining",
    "ending": "draining",
}


class Vitals:
    """The run's own thread writes, any thread reads `live`; nothing here blocks.

    `totals` has the run's figures; `close` ends the sampling of them. An attempt that lasts `reset_after` seconds is a
    good one.
    """

    def __init__(
        self, task: str, run_id: str, *, totals: Totals, redact: Callable[[str], str], reset_after: float
    ) -> None:
        self._task = task
        self._run_id = run_id
        self._totals = totals
        self._redact = redact
        self._reset_after = reset_after
        self._started_at = time.time()
        self._state: RunState = "starting"
        self._since = self._started_at
        self._restarts = 0
        self._failures_in_a_row = 0
        self._next_attempt_at: float | None = None
        self._last_error: str | None = None
        self._checkpoint: Checkpoint | None = None
        self._prepared: dict[Role, Prepared] = {}
        self._attempt: Attempt | None = None
        self._under_way = False
        self._attempt_began = 0.0
        self._earlier_words: dict[Role, list[str]] = {}
        self._sampler = Sampler(totals.counts)
        self.dead_letters = 0
        self.metrics: str | None = None

    def close(self) -> None:
        """Sample no more. Idempotent."""
        self._sampler.close()

    def prepared(self, *providers: Prepared) -> None:
        """What will be started."""
        self._prepared = {one.spec.role: one for one in providers}

    def entered(self, phase: Phase) -> None:
        """The run is in another phase."""
        state = _STATES.get(phase)
        if state == "running":
            self._sampler.start()
        if state is not None and state != self._state:
            self._enter(state)

    def began(self, attempt: Attempt) -> None:
        """Another attempt is under way."""
        if self._attempt is not None:
            self._restarts += 1
            self._earlier_words = self._last_words()
        self._attempt, self._under_way = attempt, True
        self._attempt_began = time.monotonic()

    def ended(self) -> None:
        """The attempt is over, and what it started is gone."""
        self._under_way = False

    def backing_off(self, error: str | None, pause: float, in_a_row: int) -> None:
        """An attempt failed with `error`, or ended well; the next one begins in `pause` seconds."""
        if error is not None:
            self._last_error = self._redact(error)
        self._failures_in_a_row = in_a_row
        self._enter("backing off")
        self._next_attempt_at = self._since + pause

    def finished(self, outcome: Outcome, error: str | None) -> None:
        """The run is over; `error` is why where it failed, redacted."""
        self._last_error = error or self._last_error
        self._enter("failed" if outcome == "failed" else "stopped")

    def stored(self, checkpoint: Checkpoint | None, dead_letters: int = 0) -> None:
        """A resume point is durable, and so are further dead letters."""
        if checkpoint is not None:
            self._checkpoint = checkpoint
        self.dead_letters += dead_letters

    def live(self) -> Live:
        """The run at this moment."""
        attempt, stored = self._attempt, self._checkpoint
        # In one piece: the other provider may tell its first at this moment.
        told = list(attempt.ledger.stats.items()) if attempt is not None else []
        return Live(
            task=self._task,
            run_id=self._run_id,
            pid=os.getpid(),
            state=self._state,
            since=self._since,
            started_at=self._started_at,
            restarts=self._restarts,
            failures_in_a_row=0 if self._lasts() else self._failures_in_a_row,
            next_attempt_at=self._next_attempt_at,
            last_error=self._last_error,
            delivery=attempt.delivery if attempt is not None else "best-effort",
            counts=self._totals.counts(),
            in_flight=self._totals.in_flight,
            rates=self._sampler.rates(),
            checkpoint=None if stored is None else LiveCheckpoint.of(stored, self._redact),
            stats={role: self._bounded(stats) for role, stats in told},
            dead_letters=self.dead_letters,
            providers={role: self._provider(role) for role in self._prepared},
            last_words=self._last_words(),
            metrics=self.metrics,
        )

    def _lasts(self) -> bool:
        """Whether this attempt has gone well for so long that what failed before it is forgotten."""
        return self._under_way and time.monotonic() - self._attempt_began >= self._reset_after

    def _enter(self, state: RunState) -> None:
        self._state, self._since, self._next_attempt_at = state, time.time(), None

    def _bounded(self, stats: Mapping[str, Any]) -> dict[str, Any]:
        """As many of the stats as may be told."""
        told: dict[str, Any] = {}
        room = STATS_LIMIT
        for key, value in stats.items():
            one = masked({key: value}, self._redact)  # not its JSON: a secret of digits may stand within a number
            room -= len(msgspec.json.encode(one))
            if room < 0:
                break
            told.update(one)
        return told

    def _provider(self, role: Role) -> LiveProvider:
        prepared = self._prepared[role]
        attempt = self._attempt
        party = attempt.parties.get(role) if attempt is not None and self._under_way else None
        program = prepared.program
        return LiveProvider(
            program=program.reference if isinstance(program, ImageProgram) else program.path,
            digest=prepared.content,
            identity=party.running.identity if party is not None else None,
        )

    def _last_words(self) -> dict[Role, list[str]]:
        """Of an earlier attempt's provider, until the present one has said something."""
        parties = self._attempt.parties if self._attempt is not None else {}
        heard = {role: party.last_words.copy() for role, party in list(parties.items())}
        told = {role: [self._redact(line)[:WORD_SHOWN] for line in lines] for role, lines in heard.items() if lines}
        return {**self._earlier_words, **told}
