"""Whether a run is well, for those who start it again when it is not."""

from __future__ import annotations

from typing import Any

from orchestrator.pipeline.live import Live, RunState

_WELL: frozenset[RunState] = frozenset({"starting", "standby", "running", "draining"})


def healthy(state: RunState) -> bool:
    """False while a run fails: backing off counts, since no record flows."""
    return state in _WELL


def health(live: Live) -> dict[str, Any]:
    """What `/health` answers: the state and what led to it, without any of the data's."""
    return {
        "status": "ok" if healthy(live.state) else "failing",
        "task": live.task,
        "run_id": live.run_id,
        "state": live.state,
        "since": live.since,
        "restarts": live.restarts,
        "failures_in_a_row": live.failures_in_a_row,
        "next_attempt_at": live.next_attempt_at,
        "last_error": live.last_error,
    }
