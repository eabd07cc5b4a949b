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
        value = _resume(context)
        last = self.config.max_count or None
        pause = self.config.interval / 1000
        saved, due = value, time.monotonic() + CHECKPOINT_S
        while (last is None or value < last) and not context.stopping:
            value += 1
            yield self._envelope(value)
            if value - saved >= CHECKPOINT_RECORDS or (pause and time.monotonic() >= due):
                yield Checkpoint({"value": value})
                saved, due = value, time.monotonic() + CHECKPOINT_S
            if pause and value != last:
                context.wait(pause)
        yield Checkpoint({"value": value})

    def _envelope(self, value: int) -> Envelope:
        return Envelope(
            {"value": value, "timestamp": datetime.now(UTC).isoformat()},
            {"seq": value, "source": self.name, "interval_ms": self.config.interval},
        )


def _resume(context: Context) -> int:
    if context.state is None:
        return 0
    value = context.state.get("value") if isinstance(context.state, dict) else None
    if not isinstance(value, int) or value < 0:
        raise ProviderError("the state is not this counter's", hint="run the task under another name to begin anew")
    return value
