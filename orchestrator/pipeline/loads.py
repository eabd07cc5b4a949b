"""What the providers of a running task take of the host, from how their totals grow."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.pipeline.control import Controls
from orchestrator.pipeline.requests import USAGE_S
from orchestrator.runtime.base import Role

BETWEEN_S = 0.5
PATIENCE_S = 1.0 + 2 * USAGE_S


@dataclass(frozen=True, slots=True)
class Load:
    """`cpu` is in cores: 1.5 are one and a half. Memory is in bytes."""

    cpu: float
    memory: int
    memory_limit: int | None


class Loads:
    """Asks the run of one task. What it took is told from one `now` to the next."""

    def __init__(self, controls: Controls, task: str) -> None:
        self._controls = controls
        self._task = task
        self._before: Mapping[str, Any] = {}

    def now(self) -> dict[Role, Load]:
        """Of each provider that runs, and of which its runtime can tell. Blocks for a moment at first.

        Raises `RunError` (`task.not_running`) and `UnavailableError` (`control.unavailable`, `engine.…`).
        """
        if not self._before:
            self._before = self._ask()
            time.sleep(BETWEEN_S)
        before, self._before = self._before, self._ask()
        found: dict[Role, Load] = {}
        for role in ("input", "output"):
            load = _load(before.get(role), self._before.get(role))
            if load is not None:
                found[role] = load
        return found

    def _ask(self) -> dict[str, Any]:
        return self._controls.ask(self._task, "usage", patience=PATIENCE_S)


def _load(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Load | None:
    if before is None or after is None or after["at"] <= before["at"]:
        return None
    # Less than before is what another attempt has used, since it began.
    used = max(0.0, after["cpu_s"] - before["cpu_s"])
    return Load(used / (after["at"] - before["at"]), after["memory"], after["memory_limit"])
