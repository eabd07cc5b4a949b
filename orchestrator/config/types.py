"""The `type` of a variable, and values converted to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from orchestrator.config.number import number_text, parse_number
from orchestrator.config.source import Place
from orchestrator.config.syntax import Call, Expression, Literal, Name, ObjectNode
from orchestrator.config.values import JSON, Secret, kind

_PRIMITIVES = ("string", "number", "bool", "any")
_COLLECTIONS = ("list", "set", "map")
_HINT = "known are `string`, `number`, `bool`, `any`, `list(…)`, `set(…)`, `map(…)` and `object({ … })`"


@dataclass(frozen=True, slots=True)
class Type:
    """A type as `variable` blocks name them. `item` is of collections, `members` of objects."""

    name: str
    item: Type | None = None
    members: dict[str, Type] = field(default_factory=dict)

    @property
    def primitive(self) -> bool:
        return self.name in ("string", "number", "bool")

    def convert(self, value: JSON, fail: Callable[[str], Exception]) -> JSON:
        """`value` as this type, or the error that `fail` makes of a message. null is of every type."""
        if value is None or self.name == "any":
            return value
        if self.primitive:
            return _primitive(self.name, value, fail)
        if self.name in ("list", "set"):
            if not isinstance(value, list):
                raise fail(f"expected a list, not {kind(value)}")
            return [self.item.convert(each, fail) if self.item else each for each in value]
        if not isinstance(value, dict):
            raise fail(f"expected an object, not {kind(value)}")
        if self.name == "map":
            return {key: self.item.convert(each, fail) if self.item else each for key, each in value.items()}
        if missing := [name for name in self.members if name not in value]:
            raise fail(f"the object lacks `{missing[0]}`")
        return {name: member.convert(value[name], fail) for name, member in self.members.items()}


def _primitive(name: str, value: JSON, fail: Callable[[str], Exception]) -> JSON:
    if name == "string":
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | Decimal):
            return number_text(value)
    if name == "bool":
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value in ("true", "false"):
            return value == "true"
    if name == "number" and not isinstance(value, bool):
        number = parse_number(value) if isinstance(value, str) else value
        if isinstance(number, int | Decimal):
            return number
    wanted = {"string": "a text", "bool": "true or false", "number": "a number"}[name]
    shown = f", not {kind(value)}" if not isinstance(value, str) or isinstance(value, Secret) else ""
    raise fail(f"expected {wanted}{shown}")


def read_type(node: Expression) -> Type:
    """The type that an expression names. Raises `ConfigError` (`config.type`)."""
    name = node.name if isinstance(node, Name | Call) else node.value if isinstance(node, Literal) else None
    if isinstance(node, Call) and name in _COLLECTIONS and len(node.arguments) == 1:
        return Type(str(name), item=read_type(node.arguments[0]))
    if isinstance(node, Call) and name == "object" and len(node.arguments) == 1:
        return Type("object", members=_members(node.arguments[0]))
    if not isinstance(node, Call) and name in (*_PRIMITIVES, *_COLLECTIONS):
        return Type(str(name))
    raise _unknown(node.at)


def _members(node: Expression) -> dict[str, Type]:
    if not isinstance(node, ObjectNode):
        raise _unknown(node.at)
    return {str(key.value): read_type(value) for key, value in node.items if isinstance(key, Literal)}


def _unknown(at: Place) -> Exception:
    return at.error("config.type", "this is not a type", _HINT)


def type_of(value: JSON) -> Type:
    """The type that a default stands for where none is named."""
    if isinstance(value, bool):
        return Type("bool")
    if isinstance(value, int | Decimal):
        return Type("number")
    return Type("string") if value is None or isinstance(value, str) else Type("any")
