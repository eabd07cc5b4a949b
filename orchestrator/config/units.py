"""Durations and sizes as people write them."""

from __future__ import annotations

import re
from decimal import Decimal

from orchestrator.config.number import Number, parse_number

_SECONDS = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ns|us|µs|ms|s|m|h)")
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_LONGEST = 10 * 365 * 86400


def parse_duration(value: str | Number) -> float | None:
    """Seconds: `5`, `"5s"`, `"1m30s"`, `"250ms"`. None where that is no duration from 0 to ten years."""
    number = parse_number(value) if isinstance(value, str) else value
    if isinstance(value, str) and number is None:
        if not value or _DURATION.sub("", value):
            return None
        number = sum((Decimal(count) * _SECONDS[unit] for count, unit in _DURATION.findall(value)), Decimal(0))
    return float(number) if number is not None and 0 <= number <= _LONGEST else None


def parse_size(value: str | Number) -> int | None:
    """Bytes: `67108864`, `"64m"`, `"512MiB"`, `"1.5g"`; every unit is a power of 1024, as container tools
    have it. None where that is no whole positive number of bytes."""
    if isinstance(value, str):
        found = _SIZE.fullmatch(value.strip())
        if found is None:
            return None
        power = "kmgt".index(found[2].lower()) + 1 if found[2] else 0
        value = Decimal(found[1]) * 1024**power
    return int(value) if value == int(value) and 0 < value < 1 << 63 else None
