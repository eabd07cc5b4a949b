"""What happens after an attempt failed: its policy decides whether, and when, there is another."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from orchestrator.config.model import Restart
from orchestrator.errors import ConfigError, DstreamError
from orchestrator.pipeline.observe import RunControl

LONGEST_DOUBLING = 100
"""Doublings of a pause: what fails without end would leave the range of numbers after a thousand."""


def supervise(
    attempt: Callable[[], None],
    policy: Restart,
    control: RunControl,
    on_restart: Callable[[DstreamError, float, int], None],
) -> int:
    """Make attempts until one ends well, the policy gives up, or `control` asks; the number of restarts.

    Raises the last attempt's `DstreamError`. A `ConfigError` is never retried: nothing changes by itself.
    `on_restart` is told the failure, the seconds until the next attempt, jittered and doubling, and how many attempts
    have now failed in a row.
    """
    restarts = 0
    in_a_row = 0
    while True:
        began = time.monotonic()
        try:
            attempt()
        except ConfigError:
            raise
        except DstreamError as error:
            if policy.policy == "no" or control.drain_requested or control.kill_requested:
                raise
            if time.monotonic() - began >= policy.reset_after:
                in_a_row = 0
            if policy.max_retries is not None and in_a_row >= policy.max_retries:
                raise
            doubled = policy.backoff * 2.0 ** min(in_a_row, LONGEST_DOUBLING)
            pause = min(policy.max_backoff, doubled) * random.uniform(0.5, 1.0)  # noqa: S311  # jitter, not a secret
            restarts += 1
            in_a_row += 1
            on_restart(error, pause, in_a_row)
            if control.wait(pause):
                raise
        else:
            return restarts
