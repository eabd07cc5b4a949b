"""What runs tell of themselves, made up."""

from __future__ import annotations

import time
from typing import Any

from orchestrator.pipeline.live import Live
from orchestrator.relay.counters import Counts


def live(**changes: Any) -> Live:
    """A run of `orders` in which all is well, but for the fields that are given."""
    now = time.time()
    fields: dict[str, Any] = {
        "task": "orders",
        "run_id": "01J0000000000000000000000",
        "pid": 1,
        "state": "running",
        "since": now,
        "started_at": now,
        "delivery": "at-least-once",
        "counts": counts(100, 90),
        "in_flight": 10,
    }
    return Live(**{**fields, **changes})


def counts(relayed: int, delivered: int | None, rejected: int = 0) -> Counts:
    """Of a run whose output acknowledges, unless `delivered` is None."""
    return Counts(relayed=relayed, delivered=delivered, rejected=rejected, bytes=relayed * 50)
