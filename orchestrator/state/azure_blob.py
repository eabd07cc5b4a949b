"""The shared store: one blob per task, leased by the host that runs it.

A write names the lease and the version of the blob that it replaces, so the store itself refuses it once another
host has claimed the task, however late it comes. What a run leaves on its host is that host's business and stays
in its own store.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from msgspec.structs import replace

from orchestrator.config.model import SharedState
from orchestrator.errors import UnavailableError
from orchestrator.state.blobs import Blob, Changed, Container, Missing, NotOurs, lease_id
from orchestrator.state.document import Document, Holder, Point, decode, new_letters
from orchestrator.state.lease import Lease
from orchestrator.state.shared_letters import SharedLetters
from orchestrator.state.store import (
    Checkpoint,
    Claim,
    DeadLetter,
    Figures,
    OpenRun,
    Outcome,
    PastRun,
    StateStore,
    StoredLetter,
    TaskHeld,
)

PACE_S = 1.0
"""A write is paid for."""

_STANDS_STILL = 1 / 6
"""The part of a term that a request may stand still: two of them must fit between a renewal and its deadline."""

_ASKED_AGAIN = 1 / 6
_INSISTS = 2 / 3
_TRY_AGAIN_S = 0.5


@dataclass
class _Held:
    """A task that is ours. `lock` is held by whoever writes its blob."""

    claim: Claim
    local: Claim
    blob: Blob
    lease: Lease
    document: Document
    version: str
    lock: threading.Lock = field(default_factory=threading.Lock)


class AzureBlobState:
    """`StateStore` in the container of a `state` block; `local` is this host's own, to be closed by its owner.

    `renewed` is told when whatever runs under a claim must be gone, unless it is told a later moment before: see
    `orchestrator.state.lease.Lease`. A task that nobody has claimed here yet begins with what `local` has of it.
    """

    def __init__(self, place: SharedState, local: StateStore, renewed: Callable[[float], None]) -> None:
        """Raises `ConfigError` (`state.connection_string`). Connects to nothing yet."""
        self._container = Container(place, timeout=place.term * _STANDS_STILL)
        self._prefix = f"{place.prefix}/" if place.prefix else ""
        self._letters = SharedLetters(self._container, self._prefix)
        self._term = place.term
        self._local = local
        self._renewed = renewed
        self._held: dict[str, _Held] = {}

    @property
    def pace_s(self) -> float:
        return PACE_S

    @property
    def project(self) -> str:
        return self._local.project

    def owner(self, task: str) -> str:
        held = self._held.get(task)
        document = held.document if held is not None and held.lease.sure else self._read(task)
        return document.owner or self.project

    def claim(
        self, task: str, run_id: str, kinds: Sequence[str] = (), contents: Mapping[str, str] | None = None
    ) -> Claim:
        self._give_up(task)
        blob = self._container.blob(self._name(task))
        lease = self._lease(task, blob)
        try:
            text, version = blob.read()
            found = decode(text, self._name(task))
            claim = Claim(task, run_id, found.epoch + 1)
            local = self._local.claim(task, run_id, kinds, contents)
            document = replace(
                found,
                epoch=claim.epoch,
                owner=found.owner or self.project,
                holder=Holder(socket.gethostname(), run_id, time.time()),
                checkpoint=found.checkpoint if found.epoch else self._brought(task),
            )
            held = _Held(claim, local, blob, lease, document, version)
            self._replace(held, document)
        except BaseException:
            lease.give_up()
            raise
        self._held[task] = held
        return claim

    def check(self, claim: Claim) -> None:
        held = self._held.get(claim.task)
        if held is None or held.claim != claim or not held.lease.sure:
            raise _fenced(claim.task)

    def open_runs(self) -> Sequence[OpenRun]:
        return self._local.open_runs()

    def last_run(self, task: str) -> PastRun | None:
        return self._local.last_run(task)

    def abandon(self, run_id: str) -> None:
        self._local.abandon(run_id)

    def checkpoint(self, task: str) -> Checkpoint | None:
        document = self._read(task)
        point = document.checkpoint if document.epoch else self._brought(task)
        return None if point is None else point.checkpoint

    def commit(self, claim: Claim, checkpoint: Checkpoint | None, dead_letters: Sequence[DeadLetter] = ()) -> None:
        with self._writing(claim) as held:
            document = held.document
            if dead_letters:
                name = self._letters.name(claim.task, document)
                letters = new_letters(claim.run_id, dead_letters, document.dead_letters)
                self._insist(held, lambda: self._letters.put(name, letters))
                document = replace(document, dead_letters=document.dead_letters + len(dead_letters))
            if checkpoint is not None:
                document = replace(document, checkpoint=Point.of(checkpoint))
            self._replace(held, document)

    def finish(
        self, claim: Claim, outcome: Outcome, figures: Figures, *, delivery: str, error: str | None = None
    ) -> None:
        held = self._held.get(claim.task)
        if held is not None and held.claim == claim:
            self._local.finish(held.local, outcome, figures, delivery=delivery, error=error)
            self._give_up(claim.task)

    def reset(self, claim: Claim) -> None:
        with self._writing(claim) as held:
            self._replace(held, replace(held.document, checkpoint=None))

    def dead_letters(self, task: str) -> int:
        document = self._read(task)
        return document.dead_letters - document.dropped

    def letters(self, task: str, *, after: int = 0, limit: int = 100) -> Sequence[StoredLetter]:
        return self._letters.page(task, self._read(task), after, limit)

    def change_letters(
        self, claim: Claim, drop: Collection[int], again: Mapping[int, tuple[str, str]] | None = None
    ) -> None:
        with self._writing(claim) as held:
            document = held.document
            left = self._letters.change(
                claim.task, document, drop, again or {}, lambda write: self._insist(held, write)
            )
            if document.dropped != document.dead_letters - left:
                self._replace(held, replace(document, dropped=document.dead_letters - left))

    def passed_on(self, task: str) -> int:
        return self._read(task).passed_on

    def pass_on(self, claim: Claim, newest: int) -> None:
        with self._writing(claim) as held:
            self._replace(held, replace(held.document, passed_on=newest))

    def close(self) -> None:
        for task in list(self._held):
            self._give_up(task)
        self._container.close()

    def _lease(self, task: str, blob: Blob) -> Lease:
        key = lease_id(self.project, socket.gethostname(), task)
        try:
            try:
                return Lease(blob, key, self._term, self._renewed)
            except Missing:
                self._container.make()
                with suppress(Changed, NotOurs):  # another host was quicker
                    blob.create(Document().encode())
                return Lease(blob, key, self._term, self._renewed)
        except NotOurs:
            holder = self._read(task).holder
            who = (
                f" on `{holder.host}` since {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(holder.since))}"
                if holder
                else " by another host"
            )
            raise TaskHeld(f"task `{task}` is being run{who}", retry_s=self._term * _ASKED_AGAIN) from None

    def _replace(self, held: _Held, document: Document) -> None:
        """Make `document` the task's, in one step and only under our claim."""
        text = document.encode()

        def write() -> None:
            try:
                held.version = held.blob.write(text, lease=held.lease.key, version=held.version)
            except Changed:
                # Either another claim came, or our own write of before, whose answer was lost.
                found, held.version = held.blob.read()
                if decode(found, self._name(held.claim.task)).epoch > held.document.epoch:
                    raise
                held.version = held.blob.write(text, lease=held.lease.key, version=held.version)

        self._insist(held, write)
        held.document = document

    def _insist(self, held: _Held, write: Callable[[], None]) -> None:
        """Write, again and again while the store does not answer and the lease is sure."""
        give_up_at = time.monotonic() + self._term * _INSISTS
        try:
            while True:
                try:
                    return write()
                except UnavailableError:
                    if not held.lease.wait(_TRY_AGAIN_S):
                        raise _fenced(held.claim.task) from None
                    if time.monotonic() >= give_up_at:
                        raise
        except (Changed, Missing, NotOurs):
            raise _fenced(held.claim.task) from None

    @contextmanager
    def _writing(self, claim: Claim) -> Iterator[_Held]:
        self.check(claim)
        held = self._held[claim.task]
        with held.lock:
            yield held

    def _read(self, task: str) -> Document:
        name = self._name(task)
        try:
            return decode(self._container.blob(name).read()[0], name)
        except Missing:
            return Document()

    def _brought(self, task: str) -> Point | None:
        """What this host knew of the task before its state was shared."""
        checkpoint = self._local.checkpoint(task)
        return None if checkpoint is None else Point.of(checkpoint)

    def _give_up(self, task: str) -> None:
        """Let go of the lease. What was held of the task stays known, as void."""
        if task in self._held:
            self._held[task].lease.give_up()

    def _name(self, task: str) -> str:
        return f"{self._prefix}{task}/state.json"


def _fenced(task: str) -> UnavailableError:
    return UnavailableError(
        "state.fenced",
        f"this host could not keep task `{task}` to itself: its lease was not renewed in time, or another took over",
        hint="nothing more is stored from here; a run that is started again, or restarts, waits for its turn",
    )
