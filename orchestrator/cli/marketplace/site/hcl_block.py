"""A provider as it stands in dstream.hcl, with what its config needs at least. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.pipeline.config_schema import followed, listing, mapping, secret_parts

if TYPE_CHECKING:
    from dstream_sdk.protocol import CatalogEntry
    from orchestrator.config.model import Role

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_KEYWORDS = {"true", "false", "null", "for", "in", "if", "else", "endif", "endfor"}
_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t", '"': r"\"", "\\": r"\\"}
_TEMPLATE = re.compile(r"[$%](?=\{(?!\{))")
_SECOND_BRACE = re.compile(r"\{(?=\{)")
_DEEPEST = 4
_OF_TYPE: Mapping[str, Any] = {"integer": 0, "number": 0, "boolean": False, "array": [], "object": {}, "null": None}


def hcl_block(entry: CatalogEntry, role: Role, schema: Mapping[str, Any] | None) -> str:
    """The `input` or `output` block of a task. Its values are the schema's examples, its secrets come from `env()`."""
    attribute = "provider_image" if entry.kind == "image" else "provider_ref"
    lines = [f"{role} {{", f"  {attribute} = {_text(f'{entry.repository}:{entry.tag}')}"]
    config = _example(schema, schema, 0) if schema else {}
    if config:
        secrets = secret_parts(schema or {}, config)
        named = all(map(_is_name, config))
        lines.append("  config {" if named else "  config = {")
        lines += [f"    {line}" for line in _items(config, secrets, ())]
        lines.append("  }")
    return "\n".join([*lines, "}"]) + "\n"


def _example(root: Mapping[str, Any], node: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """What `node` requires, each by its first example, else its default, else something of its type."""
    target = followed(root, node)
    fields = mapping(target.get("properties"))
    required = [name for name in listing(target.get("required")) if isinstance(name, str) and name in fields]
    return {name: _value(root, followed(root, fields[name]), depth) for name in required}


def _value(root: Mapping[str, Any], field: Mapping[str, Any], depth: int) -> Any:
    for choices in (listing(field.get("examples")), listing(field.get("enum"))):
        if choices:
            return choices[0]
    for keyword in ("default", "const"):
        if keyword in field:
            return field[keyword]
    options = listing(field.get("anyOf")) or listing(field.get("oneOf"))
    if options and depth < _DEEPEST:
        return _value(root, followed(root, options[0]), depth + 1)
    kind = field.get("type")
    if kind == "object" and depth < _DEEPEST:
        return _example(root, field, depth + 1)
    return _OF_TYPE.get(kind, "…") if isinstance(kind, str) else "…"


def _items(values: Mapping[str, Any], secrets: Mapping[Any, Any], path: tuple[str | int, ...]) -> Iterator[str]:
    names = {key: key if _is_name(key) else _text(key) for key in values}
    width = max(map(len, names.values()), default=0)
    for key, value in values.items():
        yield f"{names[key]:<{width}} = {_expression(value, secrets, (*path, key))}"


def _expression(value: Any, secrets: Mapping[Any, Any], path: tuple[str | int, ...]) -> str:
    if path in secrets:
        return f"env({_text(_variable(path))})"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return f"[{', '.join(_expression(item, secrets, (*path, at)) for at, item in enumerate(value))}]"
    if isinstance(value, Mapping):
        items = [
            f"{key if _is_name(key) else _text(key)} = {_expression(item, secrets, (*path, key))}"
            for key, item in value.items()
        ]
        return f"{{ {', '.join(items)} }}" if items else "{}"
    return json.dumps(value)


def _variable(path: tuple[str | int, ...]) -> str:
    """`CONNECTION_STRING`, `LOGIN_PASSWORD`."""
    return re.sub(r"[^A-Z0-9]+", "_", "_".join(map(str, path)).upper()).strip("_") or "SECRET"


def _is_name(key: str) -> bool:
    return _NAME.fullmatch(key) is not None and key not in _KEYWORDS


def _text(value: str) -> str:
    """`value` in quotes, with no power to be anything but text: no template, no character that is not seen."""
    plain = _TEMPLATE.sub(lambda match: match[0] * 2, value)
    escaped = "".join(_escape(character) for character in plain)
    return '"' + _SECOND_BRACE.sub(r"\\u007b", escaped) + '"'


def _escape(character: str) -> str:
    if known := _ESCAPES.get(character):
        return known
    if character.isprintable():
        return character
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"
