"""Values as DuckDB's SQL has them."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid

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
