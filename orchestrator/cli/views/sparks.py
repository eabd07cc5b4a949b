"""How the rates of tasks were, drawn small. Pure, but for the history that is kept."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orchestrator.pipeline.survey import TaskStatus

POINTS = 30
BARS = "▁▂▃▄▅▆▇█"
PLAIN_BARS = "_.:-=+*#"
"""For terminals that show no other characters."""


class History:
    """The newest `POINTS` rates of each task, in records a second between one look and the next."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[str, float, int]] = {}
        self._rates: dict[str, deque[float]] = {}

    def add(self, tasks: Iterable[TaskStatus], moment: float) -> None:
        """Take in what all tasks have relayed by `moment`, in seconds of a clock that only goes forward."""
        for task in tasks:
            live = task.live
            before = self._before.pop(task.task, None)
            if live is not None:
                self._before[task.task] = (live.run_id, moment, live.counts.relayed)
            rates = self._rates.setdefault(task.task, deque(maxlen=POINTS))
            if live is None or before is None or before[0] != live.run_id:
                if rates:  # nothing is known from between two runs
                    rates.append(0.0)
                continue
            rates.append(max(0.0, (live.counts.relayed - before[2]) / (moment - before[1])))

    def rates(self, task: str) -> Sequence[float]:
        """The oldest first."""
        return tuple(self._rates.get(task, ()))


def spark(rates: Sequence[float], bars: str = BARS) -> str:
    """A bar for each rate, the highest one as high as bars get; what is not nothing is never drawn as nothing."""
    highest = max(rates, default=0.0)
    if highest <= 0.0:
        return bars[0] * len(rates)
    steps = len(bars) - 1
    return "".join(bars[0] if rate <= 0.0 else bars[max(1, round(rate / highest * steps))] for rate in rates)


def bars_for(encoding: str) -> str:
    """Bars that a terminal of this encoding can show."""
    try:
        BARS.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return PLAIN_BARS
    return BARS
