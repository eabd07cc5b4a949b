"""One event of a task's log."""

from __future__ import annotations

import time
from typing import Any, Literal

import msgspec

Origin = Literal["input", "output", "relay"]
"""Who said it. `relay` is the run itself."""

OUTCOME = "outcome"
"""The field that only the last record of a run has, the relay's."""

_RANKS = {
    **dict.fromkeys(("trace", "debug", "verbose", "10", "20"), 10),
    **dict.fromkeys(("info", "information", "notice", "30"), 20),
    **dict.fromkeys(("warn", "warning", "40"), 30),
    **dict.fromkeys(("error", "err", "critical", "fatal", "panic", "alert", "emergency", "50", "60"), 40),
}
"""The levels that loggers have, numbers being those of JSON loggers, by the four that are asked for."""


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """`time` is UTC, RFC 3339 with microseconds: when it was heard. `level` is the provider's own word, in lower case.

    `fields` hold what else a provider wrote into a JSON object; `stream` tells an output's text from its logs.
    """

    time: str
    level: str
    event: str
    task: str
    run_id: str
    provider: Origin
    stream: Literal["stdout", "stderr"] | None = None
    fields: dict[str, Any] = {}

    @property
    def rank(self) -> int:
        """How important it is, as `orchestrator.logs.LEVELS` counts. A level that nobody knows is information."""
        return _RANKS.get(self.level, 20)


def stamp(moment: float) -> str:
    """Unix seconds as a record has them: of one length, so that they sort as text."""
    whole, micro = divmod(round(moment * 1_000_000), 1_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{micro:06}Z"
