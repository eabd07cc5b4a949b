"""Configuration values as JSON, digits kept."""

from __future__ import annotations

from decimal import Decimal
from json.encoder import encode_basestring_ascii

from orchestrator.config.number import number_text
from orchestrator.config.values import JSON


def encode_json(value: JSON) -> bytes:
    """One line of ASCII JSON without spaces. A number has the digits it was written with."""
    pieces: list[str] = []
    _encode(value, pieces)
    return "".join(pieces).encode("ascii")


def _encode(value: JSON, pieces: list[str]) -> None:
    if value is None:
        pieces.append("null")
    elif isinstance(value, bool):
        pieces.append("true" if value else "false")
    elif isinstance(value, int | Decimal):
        pieces.append(number_text(value))
    elif isinstance(value, str):
        pieces.append(encode_basestring_ascii(value))
    elif isinstance(value, list):
        separator = "["
        for item in value:
            pieces.append(separator)
            _encode(item, pieces)
            separator = ","
        pieces.append("]" if value else "[]")
    else:
        separator = "{"
        for key, item in value.items():
            pieces += (separator, encode_basestring_ascii(key), ":")
            _encode(item, pieces)
            separator = ","
        pieces.append("}" if value else "{}")
