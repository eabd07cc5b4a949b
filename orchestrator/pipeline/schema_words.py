"""What a JSON Schema refuses, in words that show no value. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from orchestrator.config.nearest import suggestion
from orchestrator.pipeline.config_schema import Path, listing, mapping, properties

if TYPE_CHECKING:
    from jsonschema import ValidationError

_KINDS = {
    "null": "null", "boolean": "a truth value", "integer": "a whole number", "number": "a number", "string": "a text",
    "array": "a list", "object": "an object",
}  # fmt: skip
_PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?|true|false")
_REFUSES = {
    "anyOf": "has none of the forms that it may have",
    "oneOf": "has none of the forms that it may have, or several at once",
    "const": "is not {}",
    "enum": "is none of {}",
    "minimum": "is less than {}",
    "maximum": "is more than {}",
    "exclusiveMinimum": "is not more than {}",
    "exclusiveMaximum": "is not less than {}",
    "multipleOf": "is no multiple of {}",
    "minLength": "is shorter than {} characters",
    "maxLength": "is longer than {} characters",
    "pattern": "does not have the form {}",
    "minItems": "has fewer than {} items",
    "maxItems": "has more than {} items",
    "uniqueItems": "has the same item twice",
    "minProperties": "has fewer than {} attributes",
    "maxProperties": "has more than {} attributes",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that is wrong at `path`: it is missing, or unknown, or `problem` says what its value is not."""

    path: Path
    kind: Literal["missing", "unknown", "value"]
    problem: str = ""
    hint: str | None = None


def refusals(error: ValidationError) -> Iterator[Refusal]:
    """What `error` says: of an alternative that was clearly meant what is wrong inside it, else of the whole."""
    meant = _meant(error)
    if meant is None:
        yield from _refusals(error)
        return
    for inner in meant:
        yield from refusals(inner)


def _refusals(error: ValidationError) -> Iterator[Refusal]:
    path, rule = tuple(error.absolute_path), str(error.validator)
    types = _types(error)
    if rule == "required":
        yield from _missing(path, error)
    elif rule in ("additionalProperties", "unevaluatedProperties"):
        yield from _unknown(path, error)
    elif types:
        yield Refusal(path, "value", f"is {_kind(error.instance)}, not {_one_of(types)}", _type_hint(error, types))
    elif rule in _REFUSES:
        yield Refusal(path, "value", _REFUSES[rule].format(_limit(error.validator_value)))
    else:
        yield Refusal(path, "value", f"is not as the schema has it (`{rule}`)")


def _missing(path: Path, error: ValidationError) -> Iterator[Refusal]:
    known = properties(mapping(error.schema))
    for name in listing(error.validator_value):
        if name not in mapping(error.instance):
            meaning = str(mapping(known.get(name)).get("description") or "").strip()
            yield Refusal((*path, str(name)), "missing", hint=first_line(meaning) or None)


def _unknown(path: Path, error: ValidationError) -> Iterator[Refusal]:
    schema = mapping(error.schema)
    known = properties(schema)
    for name in mapping(error.instance):
        if name not in known and not any(re.search(form, name) for form in mapping(schema.get("patternProperties"))):
            yield Refusal((*path, name), "unknown", hint=suggestion(name, known))


def _meant(error: ValidationError) -> list[ValidationError] | None:
    """The errors of the one alternative that a value was meant for: by its type, or by a constant inside it."""
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    left = list(branches.values())
    for rule, depth in (("type", 0), ("const", 1), ("enum", 1)):
        meant = [
            each for each in left if not any(one.validator == rule and len(one.relative_path) <= depth for one in each)
        ]
        left = meant or left
    return left[0] if len(left) == 1 else None


def _types(error: ValidationError) -> list[str]:
    """The types that there may be, where nothing but the type is wrong."""
    if error.validator == "type":
        wanted: Any = error.validator_value
        return [wanted] if isinstance(wanted, str) else [str(name) for name in wanted]
    inner = list(error.context or ())
    if any(one.validator != "type" or one.relative_path for one in inner):
        return []
    return [name for one in inner for name in _types(one)]


def _type_hint(error: ValidationError, types: Iterable[str]) -> str | None:
    value = error.instance
    if {"integer", "number", "boolean"}.isdisjoint(types) or not isinstance(value, str) or not _PLAIN.fullmatch(value):
        return None
    return "write it without quotes; what `env()` gives becomes a number or a truth value with `jsondecode(…)`"


def _kind(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return _KINDS["null" if value is None else "boolean"]
    names = ((str, "string"), (list, "array"), (dict, "object"))
    return next((_KINDS[name] for kind, name in names if isinstance(value, kind)), _KINDS["number"])


def _one_of(types: Iterable[str]) -> str:
    names = [_KINDS.get(name, name) for name in dict.fromkeys(types)]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _limit(value: Any) -> str:
    """What the schema wants, which is no secret."""
    if isinstance(value, int | float):
        return f"{value:,}" if isinstance(value, int) else f"{value}"
    return ", ".join(f"`{json.dumps(each, ensure_ascii=False)}`" for each in (listing(value) or [value]))


def first_line(text: str) -> str:
    """What fits beside other things."""
    line = text.partition("\n")[0]
    return line if len(line) <= 200 else f"{line[:197]}..."
