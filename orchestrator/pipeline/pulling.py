"""Several providers pulled at once, as `dstream providers pull` does."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from orchestrator.config.model import Kind
from orchestrator.errors import DstreamError, Where
from orchestrator.pipeline.sources import Asked, Sources
from orchestrator.registry.image import PullEvent
from orchestrator.registry.reference import Reference

_AT_ONCE = 16
"""Pulls that are asked for at the same time; how many layers really move at once is the engine's setting."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing to pull. `where` is what errors are about; `kind` None lets the manifest decide."""

    reference: str
    where: Where
    kind: Kind | None = None
    platform: str | None = None


@dataclass(frozen=True, slots=True)
class Pulled:
    """How one ended: with the `digest` that is here now, or with a `failure`."""

    wanted: Wanted
    digest: str | None = None
    failure: DstreamError | None = None


def pull_all(
    wanted: Sequence[Wanted],
    sources: Callable[[], AbstractContextManager[Sources]],
    kind_of: Callable[[Reference, Where], Kind],
) -> Iterator[PullEvent | Pulled]:
    """Pull all of `wanted` and tell what happens, ending with one `Pulled` for each; a failure stops no other.

    What is locked is taken by its digest and only where it is missing, of the rest what the tag means now. Each
    thread enters `sources` for itself; `kind_of` is called from all of them. A caller that stops listening leaves
    the threads to end by themselves: they keep no process alive.
    """
    waiting: queue.SimpleQueue[Wanted] = queue.SimpleQueue()
    told: queue.SimpleQueue[PullEvent | Pulled | BaseException] = queue.SimpleQueue()
    for one in wanted:
        waiting.put(one)

    def work() -> None:
        try:
            with sources() as mine:
                while True:
                    try:
                        one = waiting.get_nowait()
                    except queue.Empty:
                        return
                    told.put(_pull(one, mine, kind_of, told.put))
        except BaseException as fault:  # noqa: BLE001  # raised where the caller listens
            told.put(fault)

    for number in range(min(_AT_ONCE, len(wanted))):
        threading.Thread(target=work, name=f"pull-{number}", daemon=True).start()
    left = len(wanted)
    while left:
        event = told.get()
        if isinstance(event, BaseException):
            raise event
        left -= isinstance(event, Pulled)
        yield event


def _pull(
    one: Wanted, sources: Sources, kind_of: Callable[[Reference, Where], Kind], on_event: Callable[[PullEvent], None]
) -> Pulled:
    try:
        reference = Reference.parse(one.reference, where=one.where)
        pinned = sources.lock.pin(reference, one.where)
        kind = one.kind or kind_of(pinned, one.where)
        asked = Asked(one.reference, one.where, "missing" if pinned.digest else "always", one.platform, on_event)
        found = sources.image(asked) if kind == "image" else sources.artifact(asked)
    except DstreamError as failure:
        return Pulled(one, failure=failure)
    return Pulled(one, found.digest)
