"""Trying again what failed for a reason that passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import tenacity

from asb_output_provider.client import Unavailable
from dstream_sdk import Context, ProviderError

T = TypeVar("T")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 10.0


def retry(work: Callable[[], T], what: str, context: Context, *, within_s: float) -> T:
    """What `work` returns, called again (with growing, jittered pauses) while it raises `Unavailable`.

    `what` is written to, for people. Raises `ProviderError` with the last reason `within_s` after the first call, and
    when the run should wind down in a pause. Each retry is logged, and the success after one. Any thread.
    """

    def pause(seconds: float) -> None:
        if context.wait(seconds):
            raise ProviderError(f"told to stop while {what} could not be written to")

    def log(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        context.logger.warning("%s: %s; trying again in %.1f s", what, str(error), state.upcoming_sleep)

    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Unavailable),
        wait=tenacity.wait_random_exponential(multiplier=FIRST_PAUSE_S, max=LONGEST_PAUSE_S),
        stop=tenacity.stop_after_delay(within_s),
        sleep=pause,
        before_sleep=log,
        reraise=True,
    )
    try:
        result = attempts(work)
    except Unavailable as error:
        raise ProviderError(
            f"{what} could not be written to for {within_s:g} s: {error}",
            hint="`retry_timeout` says how long a run tries; `dstream check` looks at the way to Service Bus",
        ) from error
    if attempts.statistics["attempt_number"] > 1:
        context.logger.info(
            "%s is written to again after %.1f s", what, attempts.statistics["delay_since_first_attempt"]
        )
    return result
