"""What happens after an attempt: its task's policy decides whether, and when, there is another."""

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
    on_restart: Callable[[DstreamError | None, float, int], None],
) -> int:
    """Make attempts until the policy wants no other one, or `control` asks; the number of restarts.

    Raises the last attempt's `DstreamError`. A `ConfigError` is never retried: nothing changes by itself.
    `on_restart` is told the failure, None after an attempt that ended well, the seconds until the next one, jittered
    and doubling with every failure, and how many attempts have now failed in a row.
    """
    restarts = 0
    in_a_row = 0
    while True:
        began = time.monotonic()
        failure: DstreamError | None = None
        try:
            attempt()
        except ConfigError:
            raise
        except DstreamError as error:
            if policy.policy == "no" or control.stop_requested:
                raise
            if time.monotonic() - began >= policy.reset_after:
                in_a_row = 0
            if policy.max_retries is not None and in_a_row >= policy.max_retries:
                raise
            failure = error
        else:
            if policy.policy != "always" or control.stop_requested:
                return restarts
            in_a_row = 0
        doubled = policy.backoff * 2.0 ** min(in_a_row, LONGEST_DOUBLING)
        pause = min(policy.max_backoff, doubled) * random.uniform(0.5, 1.0)  # noqa: S311  # jitter, not a secret
        if failure is not None:
            in_a_row += 1
        on_restart(failure, pause, in_a_row)
        if control.wait(pause):
            if failure is not None:
                raise failure
            return restarts
        restarts += 1
