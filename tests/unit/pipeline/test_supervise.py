"""When a failed attempt is followed by another."""

from __future__ import annotations

import pytest

from orchestrator.config.model import Restart
from orchestrator.errors import DstreamError, RunError
from orchestrator.pipeline.observe import RunControl
from orchestrator.pipeline.supervise import supervise


def test_a_task_that_fails_for_days_is_still_tried_again() -> None:
    pauses: list[float] = []

    def attempt() -> None:
        raise RunError("provider.died", "it died")

    def on_restart(_: DstreamError, pause: float, _in_a_row: int) -> None:
        pauses.append(pause)

    policy = Restart(policy="on-failure", max_retries=1100, backoff=1e-9, max_backoff=1e-6)
    with pytest.raises(RunError):
        supervise(attempt, policy, RunControl(), on_restart)
    assert len(pauses) == 1100
    assert max(pauses) <= 1e-6
