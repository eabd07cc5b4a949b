"""What an operation on a stack came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dstream_sdk.protocol.messages import Resource


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, or would be. `error` says what stopped it, in the engine's words."""

    resources: list[Resource] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    error: str = ""
