"""The syntax tree of a configuration file: what was written and where, nothing evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from orchestrator.config.source import Place


@dataclass(frozen=True, slots=True)
class Literal:
    """A number as written, a truth value, null, or text without a template in it."""

    at: Place
    value: bool | int | Decimal | str | None


@dataclass(frozen=True, slots=True)
class Template:
    """Text with expressions in it. A single expression with no text around it keeps its type."""

    at: Place
    parts: tuple[str | Expression, ...]


@dataclass(frozen=True, slots=True)
class Name:
    at: Place
    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """`base.name`, or `base[name]` with `name` any expression."""

    at: Place
    base: Expression
    name: Expression


@dataclass(frozen=True, slots=True)
class Splat:
    """`base[*].a.b`: the members `steps` of every element."""

    at: Place
    base: Expression
    steps: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """`name(arguments)`; with `spread`, the last argument is a list of further ones."""

    at: Place
    name: str
    arguments: tuple[Expression, ...]
    spread: bool = False


@dataclass(frozen=True, slots=True)
class Unary:
    at: Place
    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    at: Place
    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Conditional:
    at: Place
    condition: Expression
    if_true: Expression
    if_false: Expression


@dataclass(frozen=True, slots=True)
class ListNode:
    at: Place
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ObjectNode:
    at: Place
    items: tuple[tuple[Expression, Expression], ...]


@dataclass(frozen=True, slots=True)
class For:
    """`[for k, v in over : value if condition]`, or with `key` the object form `{… : key => value}`."""

    at: Place
    names: tuple[str, ...]
    over: Expression
    value: Expression
    key: Expression | None = None
    grouped: bool = False
    condition: Expression | None = None


Expression: TypeAlias = (
    Literal | Template | Name | Member | Splat | Call | Unary | Binary | Conditional | ListNode | ObjectNode | For
)


@dataclass(frozen=True, slots=True)
class Attribute:
    at: Place
    name: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Block:
    at: Place
    type: str
    labels: tuple[str, ...]
    body: Body


@dataclass(frozen=True, slots=True)
class Body:
    at: Place
    items: tuple[Attribute | Block, ...]

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        return tuple(item for item in self.items if isinstance(item, Attribute))

    @property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(item for item in self.items if isinstance(item, Block))
