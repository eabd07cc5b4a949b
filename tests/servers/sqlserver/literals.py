"""Values as DuckDB's SQL has them."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Sequence
from typing import Any

from sqlglot import exp


def literal(value: object) -> exp.Expr:
    """A value as DuckDB's SQL has it; what is of no other kind is text."""
    match value:
        case None:
            return exp.Null()
        case bool():
            return exp.Boolean(this=value)
        case bytes() | bytearray():
            return exp.func("unhex", exp.Literal.string(value.hex()))
        case int() | float():
            return exp.Literal.number(value)
        case decimal.Decimal():
            return typed(str(value), f"DECIMAL(38,{max(0, -int(value.as_tuple().exponent))})")
        case dt.datetime():
            return typed(value.isoformat(" "), "TIMESTAMP")
        case dt.date():
            return typed(value.isoformat(), "DATE")
        case dt.time():
            return typed(value.isoformat(), "TIME")
        case uuid.UUID():
            return typed(str(value), "UUID")
    return exp.Literal.string(str(value))


def typed(text: str, kind: str) -> exp.Expr:
    """Text cast to one of DuckDB's types."""
    return exp.Cast(this=exp.Literal.string(text), to=exp.DataType.build(kind, dialect="duckdb"))


def constant_columns(lines: Sequence[Sequence[exp.Expr]]) -> list[list[Any]] | None:
    """The values of VALUES by column, if all are constants and those of a column of one type."""
    columns = []
    for expressions in zip(*lines, strict=True):
        values = [_constant(each) for each in expressions]
        if len({type(value) for value in values} - {type(None)}) > 1 or _NO_CONSTANT in values:
            return None
        columns.append(values)
    return columns


_NO_CONSTANT = object()


def _constant(node: exp.Expr) -> object:
    match node:
        case exp.Null():
            return None
        case exp.National():
            return node.name
        case exp.HexString() if len(str(node.this)) % 2 == 0:
            return bytes.fromhex(str(node.this))
        case exp.Literal() if node.is_string:
            return node.name
        case exp.Neg(this=exp.Literal() as number) if not number.is_string:
            return _number(f"-{number.name}")
        case exp.Literal():
            return _number(node.name)
    return _NO_CONSTANT


def _number(text: str) -> object:
    if "e" in text.lower():
        return float(text)
    return decimal.Decimal(text) if "." in text else int(text)
