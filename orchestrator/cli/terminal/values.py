"""Values on the command line: `name=value` and durations. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence


def assignments(texts: Sequence[str]) -> dict[str, str]:
    """`["a=1", "b=x=y"]` as `{"a": "1", "b": "x=y"}`. Raises `ConfigError` (`usage`)."""
    result: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ConfigError("usage", f"`--var {text}` is not `name=value`", hint="write `--var name=value`")
        result[name.strip()] = value
    return result


def seconds(text: str | None, option: str) -> float | None:
    """`30`, `1.5s`, `5m`, `1h30m` as seconds; None stays None. Raises `ConfigError` (`usage`)."""
    from orchestrator.config.units import parse_duration

    if text is None:
        return None
    value = parse_duration(text.strip())
    if not value:
        message = f"`{option} {text}` is not a duration longer than zero"
        raise ConfigError("usage", message, hint="write seconds, or `90s`, `5m`, `1h30m`")
    return value
