"""`dstream dead-letters replay`: what an output rejected, fed to it once more."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from orchestrator.config.model import Task
from orchestrator.pipeline.feeding import Fodder, replay, unacknowledging
from orchestrator.pipeline.letters import Choice
from orchestrator.pipeline.observe import Observer, RunControl, RunSummary
from orchestrator.pipeline.services import RunOptions, Services, Session
from orchestrator.relay.control import PREFIXES
from orchestrator.relay.counters import Settled
from orchestrator.relay.record import Lines, Mark
from orchestrator.state.store import Claim, DeadLetter, StateStore, StoredLetter


def replay_letters(
    task: Task, services: Services, options: RunOptions, observer: Observer, control: RunControl, *, choice: Choice
) -> RunSummary:
    """Feed the chosen letters to the task's output. Those that it acknowledges are dropped, those that it rejects again
    stay with their new reason, and what was not dealt with stays as it was.

    Raises `ConfigError` (`output.unacknowledging`) for an output that acknowledges nothing, and as `run_task`.
    """
    with Session(task, services, options, observer, control) as session:
        source, output = session.prepare("input"), session.prepare("output")
        if not output.may("ack"):
            raise unacknowledging(output)
        session.fence({source.spec.kind, output.spec.kind})
        streams = session.streams(source)
        claim = services.state.claim(task.name, session.run_id)
        redelivery = Redelivery(services.state, claim, choice.takes, redact=services.redact)
        fodder = Fodder(redelivery.feed, f"dead letters of {task.name}", source.position_keys, streams)
        summary = replay(session, claim, output, fodder, redelivery.settled)
        if summary.delivery == "best-effort":  # its handshake told
            raise unacknowledging(output)
        return summary


class Fed:
    """The ids of fed letters, by the number of the record that each is now. One thread feeds, another asks."""

    def __init__(self) -> None:
        self._ids: dict[int, int] = {}
        self._records = 0
        self._covered = 0

    def add(self, letter: int) -> None:
        """The next record is this letter."""
        self._ids[self._records + 1] = letter
        self._records += 1

    def __getitem__(self, record: int) -> int:
        return self._ids[record]

    def covered(self, records: int) -> list[int]:
        """The ids up to this record that no earlier call has had, in their order."""
        ids = [self._ids.pop(record) for record in range(self._covered + 1, records + 1)]
        self._covered = records
        return ids


class Redelivery:
    """Letters on their way to an output once more. `feed` belongs to one thread, `settled` to another."""

    def __init__(
        self,
        state: StateStore,
        claim: Claim,
        takes: Callable[[StoredLetter], bool],
        *,
        redact: Callable[[str], str],
    ) -> None:
        self._state = state
        self._claim = claim
        self._takes = takes
        self._redact = redact
        self._fed = Fed()
        self._again: dict[int, tuple[str, str]] = {}

    def feed(self, stopping: object) -> Iterator[Lines | Mark]:  # noqa: ARG002  # the feeder sees to it
        after = 0
        while page := self._state.letters(self._claim.task, after=after):
            for one in filter(self._takes, page):
                self._fed.add(one.id)
                yield Lines(line_of(one.letter), 1)
            after = page[-1].id

    def settled(self, what: Settled) -> None:
        """Drop what the output has acknowledged and not rejected."""
        for one in what.rejects:
            self._again[self._fed[one.record]] = (self._redact(one.code), self._redact(one.reason))
        if what.mark is None:
            return
        ids = self._fed.covered(what.mark.records)
        again = {number: self._again.pop(number) for number in ids if number in self._again}
        self._state.change_letters(self._claim, [number for number in ids if number not in again], again)


def line_of(letter: DeadLetter) -> bytes:
    """The record as the data line that it was. One that looks like a control line is moved by a space."""
    line = letter.content.rstrip(b"\n") + b"\n"
    return b" " + line if line.startswith(PREFIXES["input"]) else line
