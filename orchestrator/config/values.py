"""The values of configuration and what is secret about them.

A value that came from `env()`, `file()` or a sensitive variable is a `Secret`, and so is every text
made from one: through interpolation, locals, functions, indexing. It remembers the values it came from.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TypeAlias

from orchestrator.config.number import number_text
from orchestrator.config.source import Place

JSON: TypeAlias = "bool | int | Decimal | str | list[JSON] | dict[str, JSON] | None"


class Secret(str):
    """Text that must not appear anywhere but in a provider's config. Compares as the text it is."""

    origins: frozenset[str]

    def __new__(cls, text: str, origins: frozenset[str] | None = None) -> Secret:
        secret = super().__new__(cls, text)
        secret.origins = (origins or frozenset()) | {str(text)}
        return secret


def texts(value: JSON) -> Iterator[str]:
    """Every text in `value`, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from texts(item)


def secrets(value: JSON) -> frozenset[str]:
    """Every secret text in `value`, keys included, and the texts that these were made from."""
    found: set[str] = set()
    for text in texts(value):
        if isinstance(text, Secret):
            found |= text.origins
    return frozenset(text for text in found if text)


def is_secret(value: JSON) -> bool:
    return any(isinstance(text, Secret) for text in texts(value))


def taint(value: JSON, origins: frozenset[str]) -> JSON:
    """`value` with every text in it marked as made from `origins`; unchanged where there are none."""
    if not origins:
        return value
    if isinstance(value, str):
        own = value.origins if isinstance(value, Secret) else frozenset[str]()
        return Secret(value, origins | own)
    if isinstance(value, list):
        return [taint(item, origins) for item in value]
    if isinstance(value, dict):
        return {key: taint(item, origins) for key, item in value.items()}
    return value


def plain(value: JSON) -> JSON:
    """`value` as ordinary texts, its secrets no longer marked."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return value


def kind(value: JSON) -> str:
    """What to call a value in a message; the value itself may be a secret and is never shown."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, int | Decimal):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list) else "an object"


def same(left: JSON, right: JSON) -> bool:
    """Equality as HCL has it: `true` is not 1, numbers compare by value, collections item by item."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return left == right


def to_text(value: JSON, at: Place, what: str = "a template") -> str:
    """How a value reads inside a text. Raises `ConfigError` (`config.type`) for null and collections."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return number_text(value)
    hint = "use `jsonencode(…)`" if value is not None else 'use `coalesce(…, "")` for a value that may be null'
    raise at.error("config.type", f"{what} takes text, not {kind(value)}", hint)


def conceal(value: JSON) -> JSON:
    """`value` with every text in it marked as a secret of its own."""
    if isinstance(value, str):
        return value if isinstance(value, Secret) else Secret(value)
    if isinstance(value, list):
        return [conceal(item) for item in value]
    if isinstance(value, dict):
        return {key: conceal(item) for key, item in value.items()}
    return value
