"""Durations in a config, as Go writes them: `5s`, `1m30s`, `250ms`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)"
_WHOLE = f"(0|({_PART})+)"


def seconds(text: str) -> float:
    """The seconds that a Go duration stands for. Raises ValueError for what is none, or negative."""
    if not re.fullmatch(_WHOLE, text, re.ASCII):
        raise ValueError(f"`{text}` is no duration: write a number with its unit, such as `5s`, `1m30s` or `250ms`")
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, text, re.ASCII))


def _read(value: Any) -> Any:
    if isinstance(value, str):
        return seconds(value)
    raise ValueError("a duration is text with its unit, such as `5s`, `1m30s` or `250ms`")


Seconds = Annotated[float, BeforeValidator(_read), WithJsonSchema({"type": "string", "pattern": f"^{_WHOLE}$"})]
"""A config field that is given as a Go duration and holds seconds."""
