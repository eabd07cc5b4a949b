"""JSON Schemas of config, walked. They come from strangers: nothing about their form is taken for granted. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str | int, ...]
_NOTHING: Mapping[str, Any] = {}


def followed(root: Mapping[str, Any], node: Any) -> Mapping[str, Any]:
    """`node` together with what its `$ref` leads to within `root`; its own words win."""
    found = mapping(node)
    seen: list[str] = []
    while isinstance(reference := found.get("$ref"), str) and reference not in seen:
        seen.append(reference)
        own = {key: value for key, value in found.items() if key != "$ref"}
        found = {**_target(root, reference), **own}
    return found


def properties(node: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of an object's schema under each spelling: `x-aliases` of one are its other names."""
    documented = mapping(node.get("properties"))
    others = {other: given for given in documented.values() for other in aliases(given)}
    return {**others, **documented}


def aliases(node: Any) -> list[str]:
    """The other spellings of a property."""
    return [name for name in listing(mapping(node).get("x-aliases")) if isinstance(name, str)]


def secret_parts(schema: Mapping[str, Any], config: Any) -> dict[Path, Any]:
    """What of `config` its schema marks `writeOnly`, by its path."""
    seen: set[tuple[int, Path]] = set()  # a schema may refer to itself

    def walk(node: Any, value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
        if not isinstance(node, Mapping) or (id(node), path) in seen:
            return
        seen.add((id(node), path))
        if node.get("writeOnly"):
            yield path, value
            return
        if isinstance(reference := node.get("$ref"), str):
            yield from walk(_target(schema, reference), value, path)
        for keyword in ("allOf", "anyOf", "oneOf"):
            for option in listing(node.get(keyword)):
                yield from walk(option, value, path)
        if isinstance(value, Mapping):
            known = properties(node)
            for key, item in value.items():
                yield from walk(known.get(key, node.get("additionalProperties")), item, (*path, key))
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from walk(node.get("items"), item, (*path, index))

    return dict(walk(schema, config, ()))


def mapping(value: Any) -> Mapping[str, Any]:
    """`value` if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else _NOTHING


def listing(value: Any) -> list[Any]:
    """`value` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def _target(root: Mapping[str, Any], reference: str) -> Mapping[str, Any]:
    """What a `$ref` within the schema leads to; nothing for one that leads elsewhere."""
    if reference != "#" and not reference.startswith("#/"):
        return _NOTHING
    target: Any = root
    for part in reference.split("/")[1:]:
        target = mapping(target).get(part.replace("~1", "/").replace("~0", "~"))
    return mapping(target)
