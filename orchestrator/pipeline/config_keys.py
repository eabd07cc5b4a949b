"""The keys of a provider's config as its schema describes them: what a table for people is made of. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.pipeline.config_schema import aliases, followed, listing, mapping

_MOST = 1_000
"""No provider has more; a schema that refers to itself in many ways could go on for longer than anyone reads."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `name` is its path: `login.user`, `tables[].name`. `default` and `example` are JSON, or empty."""

    name: str
    type: str
    required: bool
    default: str
    example: str
    meaning: str
    also: tuple[str, ...]


def config_keys(schema: Mapping[str, Any]) -> list[Key]:
    """Every key, those inside another after it."""
    found: dict[str, Key] = {}
    for key in _inside(schema, schema, "", (), set()):
        found.setdefault(key.name, key)
        if len(found) == _MOST:
            break
    return list(found.values())


def _inside(
    root: Mapping[str, Any], node: Mapping[str, Any], prefix: str, around: tuple[int, ...], seen: set[tuple[int, str]]
) -> Iterator[Key]:
    """The keys of the object, list or alternatives that `node` describes.

    `around` are the schemas it lies in, `seen` those that were walked, each with its prefix: both may come again.
    """
    if id(node) in around or (id(node), prefix) in seen:
        return
    around = (*around, id(node))
    seen.add((id(node), prefix))
    target = followed(root, node)
    required = listing(target.get("required"))
    for name, given in mapping(target.get("properties")).items():
        field = followed(root, given)
        yield Key(
            name=f"{prefix}{name}",
            type=_type(root, field),
            required=name in required,
            default=_json(field["default"]) if "default" in field else "",
            example=_json(listing(field.get("examples"))[0]) if listing(field.get("examples")) else "",
            meaning=" ".join(str(field.get("description") or "").split()),
            also=tuple(aliases(field)),
        )
        yield from _inside(root, mapping(given), f"{prefix}{name}.", around, seen)
    if target.get("items"):
        yield from _inside(root, mapping(target["items"]), f"{prefix.removesuffix('.')}[].", around, seen)
    for keyword in ("allOf", "anyOf", "oneOf"):
        for option in listing(target.get(keyword)):
            yield from _inside(root, mapping(option), prefix, around, seen)


def _type(root: Mapping[str, Any], field: Mapping[str, Any], depth: int = 0) -> str:
    """`list of string`, `"a" or "b"`, `string, secret`."""
    if "enum" in field:
        return " or ".join(_json(choice) for choice in listing(field["enum"]))
    if "const" in field:
        return _json(field["const"])
    options = listing(field.get("anyOf")) or listing(field.get("oneOf"))
    if options and depth < 4:
        names = [_type(root, followed(root, option), depth + 1) for option in options]
        return " or ".join(dict.fromkeys(names))
    if field.get("writeOnly"):
        return "string, secret"
    if field.get("type") == "array" and depth < 4:
        return f"list of {_type(root, followed(root, field.get('items')), depth + 1)}"
    if isinstance(values := field.get("additionalProperties"), Mapping) and "properties" not in field and depth < 4:
        return f"map of {_type(root, followed(root, values), depth + 1)}"
    named = field.get("type")
    return " or ".join(str(name) for name in named) if isinstance(named, list) else str(named or "any")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
