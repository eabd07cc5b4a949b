"""What a run does with the records that its output rejects: `dead_letter` in the task's block, as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from dstream_sdk.protocol import Stream
from orchestrator.pipeline.letters import append_letters, check_room
from orchestrator.pipeline.passing_on import PassingOn
from orchestrator.pipeline.provider import Prepared
from orchestrator.pipeline.services import Session
from orchestrator.relay.counters import Rejected
from orchestrator.state.store import Checkpoint, Claim, DeadLetter


class Rejects:
    """Made and closed by the run's thread; `commit` belongs to the thread that stores. `claim` is the run's newest.

    Making one raises as `Session.prepare` does, and `ConfigError` (`output.unacknowledging`).
    """

    def __init__(self, session: Session, claim: Callable[[], Claim]) -> None:
        self._session = session
        self._claim = claim
        asked = session.task.dead_letter
        self._path = Path(asked.path) if asked is not None and asked.path is not None else None
        provider = session.prepare_provider(asked.provider) if asked is not None and asked.provider else None
        self.kinds = [provider.spec.kind] if provider is not None else []
        self._passing_on = None if provider is None else PassingOn(session, provider, claim)

    def start(self, source: Prepared, streams: Sequence[Stream] | None) -> None:
        """Have letters passed on from here on."""
        if self._passing_on is not None:
            self._passing_on.start(source, streams)

    def commit(self, checkpoint: Checkpoint | None, rejects: Sequence[Rejected]) -> int:
        """Make a resume point and what was rejected before it durable; how many letters that were.

        Raises as `check_room`, `append_letters` and `StateStore.commit` do, and then nothing may be acknowledged.
        """
        state, task, claim = self._session.services.state, self._session.task, self._claim()
        redact = self._session.services.redact  # the record is data, and kept as it is
        letters = [DeadLetter(r.record, redact(r.code), redact(r.reason), r.content, r.raw) for r in rejects]
        if letters:
            check_room(task, state, len(letters))
            if self._path is not None:
                append_letters(self._path, task.name, claim.run_id, letters)
        state.commit(claim, checkpoint, letters)
        if letters and self._passing_on is not None:
            self._passing_on.more()
        return len(letters)

    def close(self, grace: float) -> None:
        """Pass on what is stored, for at most `grace` seconds. Idempotent."""
        if self._passing_on is not None:
            self._passing_on.close(grace)
