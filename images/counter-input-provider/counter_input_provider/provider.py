"""Counts from 1, and after a restart from where the output had everything."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import ClassVar

from counter_input_provider import __version__
from counter_input_provider.config import CounterConfig
from dstream_sdk import Checkpoint, Context, Envelope, InputProvider, ProviderError

CHECKPOINT_RECORDS = 1000
CHECKPOINT_S = 1.0
"""A checkpoint follows after so many records or seconds, whichever comes first."""


class Counter(InputProvider[CounterConfig]):
    name = "counter-input-provider"
    version = __version__
    title = "Counter"
    description = "Counts up at an interval. For demonstrations, tests and measurements."
    checkpoints: ClassVar[bool] = True

    def read(self, context: Context) -> Iterator[Envelope | Checkpoint]:
        # Locals and no calls of its own per record: at interval 0 this loop is what gets measured.
        source, interval, now = self.name, self.config.interval, datetime.now
        value = resume(context)
        last = self.config.max_count or None
        saved, due = value, time.monotonic() + CHECKPOINT_S
        while (last is None or value < last) and not context.stopping:
            value += 1
            yield Envelope(
                {"value": value, "timestamp": now(UTC)},
                {"seq": value, "source": source, "interval_ms": interval},
            )
            if value - saved >= CHECKPOINT_RECORDS or (interval and time.monotonic() >= due):
                yield Checkpoint({"value": value})
                saved, due = value, time.monotonic() + CHECKPOINT_S
            if interval and value != last:
                context.wait(interval / 1000)
        yield Checkpoint({"value": value})


def resume(context: Context) -> int:
    """The number to go on behind. Raises `ProviderError` for state that no counter wrote."""
    if context.state is None:
        return 0
    value = context.state.get("value") if isinstance(context.state, dict) else None
    if not isinstance(value, int) or value < 0:
        raise ProviderError("the state is not this counter's", hint="run the task under another name to begin anew")
    return value
