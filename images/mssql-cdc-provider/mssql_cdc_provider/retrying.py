"""Trying again what failed for a reason that passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import tenacity

from dstream_sdk import Context
from mssql_cdc_provider.sql_errors import Deadlock, Stopping, Transient

T = TypeVar("T")

_PAUSES = tenacity.wait_random_exponential(multiplier=0.2, max=15)


def retry(work: Callable[[], T], context: Context, *, within_s: float) -> T:
    """What `work` returns, called again (with growing, jittered pauses) while it raises `Transient`.

    `within_s` after the first call the last error is raised as it came. Each retry is logged. Raises `Stopping`
    when the run should wind down during a pause. `work` starts its transaction anew each time.
    """

    def pause(seconds: float) -> None:
        if context.wait(seconds):
            raise Stopping("the run should wind down")

    def log(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        level = "info" if isinstance(error, Deadlock) else "warning"
        getattr(context.logger, level)("%s; trying again in %.1f s", error, state.upcoming_sleep)

    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Transient),
        wait=_PAUSES,
        stop=tenacity.stop_after_delay(within_s),
        sleep=pause,
        before_sleep=log,
        reraise=True,
    )
    return attempts(work)
