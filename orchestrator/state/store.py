"""What a task must remember between runs, and the few methods that any store of it offers.

SQLite is the embedded default (`orchestrator.state.sqlite`); the shared store is an adapter behind the
same methods (`orchestrator.state.azure_blob`). Every write names the epoch of the claim that it is made under
and is refused once another run has claimed the task, so a run that lost its lock cannot move the state any more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from orchestrator.errors import RunError

Outcome = Literal["running", "ended", "drained", "failed"]
Figures = Mapping[str, int | None]
"""`emitted`, `relayed`, `delivered`, `rejected`, `unconfirmed` and `bytes` of a run."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose state it is. State of another identity cannot be resumed from.

    `source` is the input's repository without tag or digest, or the path of its executable;
    `streams` are the tables that the state speaks of, None where the input does not tell.
    """

    task: str
    source: str
    provider: str
    state_version: int
    streams: tuple[str, ...] | None = None

    def resumes(self, other: Identity) -> bool:
        """Whether state stored under `other` can be resumed from; streams may come and go."""
        mine = (self.task, self.source, self.provider, self.state_version)
        return mine == (other.task, other.source, other.provider, other.state_version)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The newest durable resume point of a task. `state` is the input's own JSON, untouched."""

    identity: Identity
    run_id: str
    id: int
    records: int
    state: bytes
    saved_at: float


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that the output can never write. `record` counts from 1 since the attempt's start.

    `content` is the envelope as JSON, or the line's bytes where `raw`.
    """

    record: int
    code: str
    reason: str
    content: bytes
    raw: bool = False


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """A dead letter as the store has it. `id` is larger than those stored before; no other of the task ever has it."""

    id: int
    run_id: str
    stored_at: float
    letter: DeadLetter


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write one task's state, until another run claims it."""

    task: str
    run_id: str
    epoch: int


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that was claimed and has not finished. `kinds` are those of its providers: `image`, `path`."""

    task: str
    run_id: str
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PastRun:
    """The record of a run: of one that goes on while `ended_at` is None. Times are Unix time.

    `contents` are the digests of its providers by their role, as far as they have one. `figures` that nobody counted
    are None.
    """

    run_id: str
    started_at: float
    ended_at: float | None
    outcome: Outcome
    delivery: str | None
    figures: Figures
    error: str | None
    contents: Mapping[str, str]


class TaskHeld(RunError):
    """Another host works on the task. It makes sense to ask again after `retry_s` seconds."""

    def __init__(self, message: str, *, retry_s: float) -> None:
        super().__init__("task.running", message, hint="`dstream run` waits until that host gives the task up")
        self.retry_s = retry_s


class StateStore(Protocol):
    """Thread-safe. Writes return only once they are durable; they block for as long as the disk or the network does.

    Every method raises `UnavailableError`: `state.unavailable` when the store cannot be read or
    written (disk full, file damaged), `state.newer` when a newer dstream wrote it, and on writes
    `state.fenced` when another run has claimed the task since.
    """

    @property
    def pace_s(self) -> float:
        """The least time between two commits of a task: what a commit costs should not depend on the output."""

    @property
    def project(self) -> str:
        """A random id made with the store on this host, by which this project's containers are known."""

    def owner(self, task: str) -> str:
        """The `project` by which things are known that the task's providers made elsewhere.

        Where hosts share the state it is the same for all of them: that of the one which claimed the task first.
        """

    def claim(
        self, task: str, run_id: str, kinds: Sequence[str] = (), contents: Mapping[str, str] | None = None
    ) -> Claim:
        """Open a run whose providers are of these kinds: every earlier claim of the task is void from here on.

        `contents` as `PastRun` has them; work without kinds is no run, and `last_run` does not know it. The same run
        may claim again. Raises `TaskHeld` while another host works on the task.
        """

    def check(self, claim: Claim) -> None:
        """Raise `state.fenced` once another run may have the task, or is about to. Never blocks."""

    def open_runs(self) -> Sequence[OpenRun]:
        """This host's runs that were claimed and not finished: alive, or killed with things left behind."""

    def last_run(self, task: str) -> PastRun | None:
        """The newest run of the task on this host."""

    def abandon(self, run_id: str) -> None:
        """Close the record of a run that was killed, after what it left is gone."""

    def checkpoint(self, task: str) -> Checkpoint | None:
        """The newest durable resume point."""

    def commit(
        self,
        claim: Claim,
        checkpoint: Checkpoint | None,
        dead_letters: Sequence[DeadLetter] = (),
    ) -> None:
        """Make a resume point and the dead letters before it durable, together."""

    def finish(
        self, claim: Claim, outcome: Outcome, figures: Figures, *, delivery: str, error: str | None = None
    ) -> None:
        """Close a run's record with its figures (those that nobody counted are None) and give up its claim."""

    def reset(self, claim: Claim) -> None:
        """Forget the task's resume point. Dead letters and run records stay."""

    def dead_letters(self, task: str) -> int:
        """How many dead letters the task has."""

    def letters(self, task: str, *, after: int = 0, limit: int = 100) -> Sequence[StoredLetter]:
        """The first dead letters of the task whose ids are larger than `after`, in their order."""

    def change_letters(
        self, claim: Claim, drop: Collection[int], again: Mapping[int, tuple[str, str]] | None = None
    ) -> None:
        """Forget the letters with these ids, for good, and give others a new code and reason. Unknown ids are none."""

    def passed_on(self, task: str) -> int:
        """The id of the newest letter that the task's `dead_letter` provider has dealt with, 0 before the first."""

    def pass_on(self, claim: Claim, newest: int) -> None:
        """Note that it has dealt with all letters up to this id."""

    def close(self) -> None:
        """Give up the connection, and every claim with it. Idempotent."""
