"""Syntax to values. Evaluation is lazy: the branch not taken and the local not used are never looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, DecimalException
from typing import Protocol

from orchestrator.config.functions import FUNCTIONS, Surroundings, call
from orchestrator.config.nearest import suggestion
from orchestrator.config.number import ARITHMETIC, Number, bounded, divide, parse_number
from orchestrator.config.source import Place
from orchestrator.config.syntax import (
    Binary,
    Call,
    Conditional,
    Expression,
    For,
    ListNode,
    Literal,
    Member,
    Name,
    ObjectNode,
    Splat,
    Template,
    Unary,
)
from orchestrator.config.values import JSON, kind, same, secrets, taint, to_text


class Namespace(Protocol):
    """What stands behind `var` or `local`."""

    def value(self, name: str, at: Place) -> JSON:
        """The value of one name. Raises `ConfigError` about `at` where there is none."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Everything an expression can refer to. `names` are the variables of enclosing `for` expressions."""

    surroundings: Surroundings
    namespaces: Mapping[str, Namespace] = field(default_factory=dict)
    names: Mapping[str, JSON] = field(default_factory=dict)

    def evaluate(self, node: Expression) -> JSON:
        """The value of `node`. Raises `ConfigError` at the place that is wrong, and nothing else."""
        match node:
            case Literal():
                return node.value
            case Template():
                return self._template(node)
            case ListNode():
                return [self.evaluate(item) for item in node.items]
            case ObjectNode():
                return self._object(node)
            case Name():
                return self._name(node)
            case Member():
                return self._member(node)
            case Splat():
                return self._splat(node)
            case Call():
                return self._call(node)
            case Conditional():
                return self.evaluate(node.if_true if self.truth(node.condition) else node.if_false)
            case Unary():
                return not self.truth(node.operand) if node.operator == "!" else self._negative(node)
            case Binary():
                return self._binary(node)
            case For():
                return self._for(node)

    def truth(self, node: Expression) -> bool:
        value = self.evaluate(node)
        if value in ("true", "false") and isinstance(value, str):
            return value == "true"
        if not isinstance(value, bool):
            raise node.at.error("config.type", f"expected true or false, not {kind(value)}")
        return value

    def number(self, node: Expression) -> Number:
        value = self.evaluate(node)
        number = parse_number(value) if isinstance(value, str) else value
        if isinstance(number, bool) or not isinstance(number, int | Decimal):
            raise node.at.error("config.type", f"expected a number, not {kind(value)}")
        return number

    def key(self, node: Expression) -> str:
        return to_text(self.evaluate(node), node.at, "a key")

    def _template(self, node: Template) -> JSON:
        origins: frozenset[str] = frozenset()
        pieces: list[str] = []
        for part in node.parts:
            if isinstance(part, str):
                pieces.append(part)
            else:
                value = self.evaluate(part)
                origins |= secrets(value)
                pieces.append(to_text(value, part.at))
        return taint("".join(pieces), origins)

    def _object(self, node: ObjectNode) -> JSON:
        items: dict[str, JSON] = {}
        for key_node, value_node in node.items:
            key = self.key(key_node)
            if key in items:
                raise key_node.at.error("config.duplicate", "this key was set before in the same object")
            items[key] = self.evaluate(value_node)
        return items

    def _name(self, node: Name) -> JSON:
        if node.name in self.names:
            return self.names[node.name]
        if node.name in self.namespaces:
            raise node.at.error("config.syntax", f"`{node.name}` needs a name, as in `{node.name}.name`")
        hint = f'text stands in quotes: `"{node.name}"`'
        if node.name in FUNCTIONS:
            hint = f"`{node.name}` is a function: `{node.name}(…)`"
        raise node.at.error("config.unknown_name", f"unknown name `{node.name}`", hint)

    def _member(self, node: Member) -> JSON:
        base = node.base
        if isinstance(base, Name) and base.name not in self.names:
            namespace = self.namespaces.get(base.name)
            if namespace is not None:
                return namespace.value(self.key(node.name), base.at)
            if not isinstance(node.name, Literal):
                return self._name(base)
            known = ", ".join(f"`{name}.…`" for name in self.namespaces) or "none here"
            raise base.at.error("config.unknown_name", f"unknown name `{base.name}`", f"known are {known}")
        return self._select(self.evaluate(base), node.name)

    def _select(self, base: JSON, name: Expression) -> JSON:
        if isinstance(base, dict):
            key = self.key(name)
            if key not in base:
                hint = None if secrets(base) else suggestion(key, base)
                raise name.at.error("config.unknown_key", "the object has no such key", hint)
            return base[key]
        if isinstance(base, list):
            index = self.number(name)
            if not isinstance(index, int) or not 0 <= index < len(base):
                raise name.at.error("config.index", f"the list has {len(base)} items, numbered from 0")
            return base[index]
        raise name.at.error("config.type", f"{kind(base)} has no members")

    def _splat(self, node: Splat) -> JSON:
        base = self.evaluate(node.base)
        items: list[JSON] = base if isinstance(base, list) else [] if base is None else [base]
        for step in node.steps:
            items = [self._select(item, step) for item in items]
        return items

    def _call(self, node: Call) -> JSON:
        if node.name not in FUNCTIONS:
            hint = suggestion(node.name, FUNCTIONS)
            raise node.at.error("config.unknown_function", f"unknown function `{node.name}`", hint)
        arguments = [self.evaluate(argument) for argument in node.arguments]
        if node.spread:
            last = arguments.pop()
            if not isinstance(last, list):
                raise node.arguments[-1].at.error("config.type", f"`...` takes a list, not {kind(last)}")
            arguments += last
        origins = frozenset[str]().union(*(secrets(argument) for argument in arguments))
        return taint(call(node.name, arguments, node.at, self.surroundings), origins)

    def _negative(self, node: Unary) -> JSON:
        number = self.number(node.operand)
        return -number if isinstance(number, int) else number.copy_negate()

    def _binary(self, node: Binary) -> JSON:
        operator = node.operator
        if operator == "&&":
            return self.truth(node.left) and self.truth(node.right)
        if operator == "||":
            return self.truth(node.left) or self.truth(node.right)
        if operator in ("==", "!="):
            return same(self.evaluate(node.left), self.evaluate(node.right)) == (operator == "==")
        left, right = self.number(node.left), self.number(node.right)
        if operator in _COMPARISONS:
            return _COMPARISONS[operator](left, right)
        try:
            return bounded(_ARITHMETIC[operator](left, right), node.at)
        except (DecimalException, ZeroDivisionError):
            raise node.at.error("config.number", f"`{operator}` has no result for these numbers") from None

    def _for(self, node: For) -> JSON:
        over = self.evaluate(node.over)
        pairs: list[tuple[JSON, JSON]]
        if isinstance(over, list):
            pairs = list(enumerate(over))
        elif isinstance(over, dict):
            pairs = list(over.items())
        else:
            raise node.over.at.error("config.type", f"`for` goes over a list or an object, not {kind(over)}")
        values: list[JSON] = []
        items: dict[str, JSON] = {}
        groups: dict[str, list[JSON]] = {}
        for index, item in pairs:
            bound = dict(zip(node.names, (index, item) if len(node.names) == 2 else (item,), strict=True))
            inner = replace(self, names={**self.names, **bound})
            if node.condition is not None and not inner.truth(node.condition):
                continue
            value = inner.evaluate(node.value)
            if node.key is None:
                values.append(value)
                continue
            key = inner.key(node.key)
            if node.grouped:
                groups.setdefault(key, []).append(value)
            elif key in items:
                raise node.key.at.error("config.duplicate", "two items have the same key", "group them with `...`")
            else:
                items[key] = value
        return values if node.key is None else {**items, **groups}


def _remainder(left: Number, right: Number) -> Number:
    """The remainder with the sign of the dividend, for whole numbers too."""
    if isinstance(left, int) and isinstance(right, int):
        return abs(left) % abs(right) * (-1 if left < 0 else 1)
    return ARITHMETIC.remainder(left, right)


def _exact(whole: Callable[[int, int], int], other: Callable[[Decimal, Decimal], Decimal]) -> _Operation:
    def operation(left: Number, right: Number) -> Number:
        if isinstance(left, int) and isinstance(right, int):
            return whole(left, right)
        return other(Decimal(left), Decimal(right))

    return operation


_Operation = Callable[[Number, Number], Number]
_ARITHMETIC: dict[str, _Operation] = {
    "+": _exact(lambda a, b: a + b, ARITHMETIC.add),
    "-": _exact(lambda a, b: a - b, ARITHMETIC.subtract),
    "*": _exact(lambda a, b: a * b, ARITHMETIC.multiply),
    "/": divide,
    "%": _remainder,
}
_COMPARISONS: dict[str, Callable[[Number, Number], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}
