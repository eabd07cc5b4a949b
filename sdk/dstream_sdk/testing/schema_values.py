"""Values that a JSON Schema does not accept: just enough of a schema's words to be sure of that."""

from __future__ import annotations

from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}

# Far from anything that a lenient parser would convert.
_CANDIDATES: tuple[Any, ...] = ("no such value, surely", {"no such key": [{}]}, [[{}]])


def wrong_value(field: dict[str, Any], root: dict[str, Any]) -> Any | None:
    """A value that `field` refuses by its type or its choices, or None where it may accept any."""
    for candidate in _CANDIDATES:
        if not may_accept(field, root, candidate):
            return candidate
    return None


def may_accept(field: dict[str, Any], root: dict[str, Any], value: Any) -> bool:
    """False only where the schema surely refuses the value."""
    if "$ref" in field:
        name = field["$ref"].removeprefix("#/$defs/")
        return may_accept(root.get("$defs", {}).get(name, {}), root, value)
    for choice in ("anyOf", "oneOf"):
        if choice in field:
            return any(may_accept(one, root, value) for one in field[choice])
    if "enum" in field:
        return value in field["enum"]
    if "const" in field:
        return bool(value == field["const"])
    kinds = field.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return not kinds or any(isinstance(value, _TYPES.get(kind, (object,))) for kind in kinds)
