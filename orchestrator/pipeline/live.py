"""What a run tells of itself at one moment: the answer to the request `status`, and what its metrics are made of."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Literal

import msgspec

from orchestrator.pipeline.observe import Delivery
from orchestrator.relay.counters import Counts
from orchestrator.runtime.base import Role
from orchestrator.state.store import Checkpoint

STATE_SHOWN = 500
"""Characters of a checkpoint's state that are told."""

RunState = Literal["starting", "standby", "running", "draining", "backing off", "failed", "stopped"]
"""`standby` waits for another host, `backing off` for the next attempt after one that failed."""


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Records and bytes relayed a second, averaged over the last 60 and the last 300 s that data could flow in.

    A younger run is averaged over all of its time.
    """

    records_60: float = 0.0
    records_300: float = 0.0
    bytes_60: float = 0.0
    bytes_300: float = 0.0


class LiveCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The newest durable resume point, of which every run numbers its own.

    `state` is the input's JSON as text, redacted, and cut where it is long.
    """

    id: int
    run_id: str = ""
    records: int
    saved_at: float
    state: str

    @classmethod
    def of(cls, stored: Checkpoint, redact: Callable[[str], str]) -> LiveCheckpoint:
        # Redacted before it is cut: half a secret is none that anybody would find.
        text = redact(stored.state.decode("utf-8", "replace"))
        shown = text if len(text) <= STATE_SHOWN else f"{text[:STATE_SHOWN]}…"
        return cls(id=stored.id, run_id=stored.run_id, records=stored.records, saved_at=stored.saved_at, state=shown)


class LiveProvider(msgspec.Struct, frozen=True, kw_only=True):
    """What plays one role. `identity` is a container's id or `pid 123`, None while none is started.

    `program` is an image reference or a path, `digest` what a registry or the engine knows it by.
    """

    program: str
    digest: str | None = None
    identity: str | None = None


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """A run at one moment. Times are Unix seconds; every text is redacted.

    `since` is when `state` was entered, `started_at` when the run was. `restarts` counts the attempts after the first,
    `failures_in_a_row` those that failed without a good while between them; `last_error` is the last one's and stays.
    `counts` are totals over all attempts, `in_flight` the records relayed by this one and not yet acknowledged.
    `dead_letters` counts all that the task has. `stats` are the newest of each provider, cut where they are large, and
    `last_words` its last stderr lines. `metrics` is the address where these figures are served, None where none are.
    """

    task: str
    run_id: str
    pid: int
    state: RunState
    since: float
    started_at: float
    restarts: int = 0
    failures_in_a_row: int = 0
    next_attempt_at: float | None = None
    last_error: str | None = None
    delivery: Delivery = "best-effort"
    counts: Counts = Counts()
    in_flight: int | None = None
    rates: Rates = Rates()
    checkpoint: LiveCheckpoint | None = None
    stats: dict[Role, dict[str, Any]] = {}
    dead_letters: int = 0
    providers: dict[Role, LiveProvider] = {}
    last_words: dict[Role, list[str]] = {}
    metrics: str | None = None


Expose = Callable[[Callable[[], Live]], AbstractContextManager[str | None]]
"""Makes a run readable elsewhere while it is entered, and gives the address, if there is one.

The reader that it is given may be called at any time from any thread, and never blocks.
"""
