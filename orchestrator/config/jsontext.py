"""JSON text to values: from `jsondecode()`, `--var` and JSON variable files."""

from __future__ import annotations

import json

from orchestrator.config.lexical import NESTING_LIMIT
from orchestrator.config.number import Number, read_number
from orchestrator.config.source import Place
from orchestrator.config.values import JSON, texts


class _ConstantError(Exception):
    """The text has one of the constants that JSON does not know but Python reads."""


def decode_json(text: str, at: Place) -> JSON:
    """The value, its numbers with all their digits. Raises `ConfigError` (`config.json`) about `at`."""

    def number(digits: str) -> Number:
        return read_number(digits, at)

    try:
        value: JSON = json.loads(text, parse_int=number, parse_float=number, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        message = f"the text is not JSON at line {error.lineno}, column {error.colno}"
        raise at.error("config.json", message) from None
    except _ConstantError as error:
        raise at.error("config.json", f"JSON knows no `{error}`") from None
    except RecursionError:
        raise at.error("config.json", f"the JSON is nested more than {NESTING_LIMIT} deep") from None
    _check_depth(value, at)
    if any(0xD800 <= ord(char) <= 0xDFFF for each in texts(value) for char in each):
        raise at.error("config.json", "the JSON holds half a surrogate pair")
    return value


def _refuse(name: str) -> JSON:
    raise _ConstantError(name)


def _check_depth(value: JSON, at: Place) -> None:
    level = [value]
    for _ in range(NESTING_LIMIT):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return
    raise at.error("config.json", f"the JSON is nested more than {NESTING_LIMIT} deep")


def _children(value: JSON) -> list[JSON]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
