"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orchestrator.errors import DstreamError

Severity = Literal["ok", "warning", "failed"]
"""A task that needs it cannot run where something `failed`; a `warning` is to be seen to before that."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` was found, `where` (a file, an address), and the way out of what is not ok."""

    severity: Severity
    what: str
    where: str | None = None
    remedy: str | None = None


def of_error(error: DstreamError, severity: Severity = "failed") -> Finding:
    """The finding that `error` is."""
    place = error.where
    where = place.file if place.line is None else f"{place.file}:{place.line}"
    return Finding(severity, error.message, where or place.image, error.hint)
