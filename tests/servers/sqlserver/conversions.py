"""CAST, CONVERT and `+`: "CAST and CONVERT (Transact-SQL)", "+ (String concatenation)"."""

from __future__ import annotations

from collections.abc import Callable

import sqlglot
from sqlglot import exp

from tests.servers.sqlserver.datatypes import DataType, data_type

TypeOf = Callable[[exp.Expr], DataType | None]

_STYLES = {  # of dates and times as text
    "20": "%Y-%m-%d %H:%M:%S",
    "120": "%Y-%m-%d %H:%M:%S",
    "21": "%Y-%m-%d %H:%M:%S.%g",
    "25": "%Y-%m-%d %H:%M:%S.%g",
    "121": "%Y-%m-%d %H:%M:%S.%g",
    "23": "%Y-%m-%d",
    "112": "%Y%m%d",
    "126": "%Y-%m-%dT%H:%M:%S.%g",
    "127": "%Y-%m-%dT%H:%M:%S.%gZ",
}
_TEXT = ("char", "varchar", "nchar", "nvarchar", "sysname", "text", "ntext", "xml")
_TEXT_FUNCTIONS = (exp.DPipe, exp.Concat, exp.Upper, exp.Lower, exp.Substring, exp.Trim, exp.Replace)


def type_named(node: exp.Cast | exp.Convert) -> DataType | None:
    """The type that a CAST or CONVERT is to; None for one that is DuckDB's own."""
    try:
        return data_type((node.this if isinstance(node, exp.Convert) else node.to).sql("tsql"))
    except ValueError:
        return None


def converted(node: exp.Cast | exp.Convert, type_of: TypeOf) -> exp.Expr:
    """CAST, CONVERT, TRY_CAST or TRY_CONVERT of what is in DuckDB's words already."""
    wanted = type_named(node)
    value, style = (node.expression, node.args.get("style")) if isinstance(node, exp.Convert) else (node.this, None)
    if wanted is None:
        return node
    if wanted.name in _TEXT:
        text = as_text(value, type_of, style.name if style else None)
        return text if wanted.size is None else exp.func("left", text, exp.Literal.number(wanted.size))
    if wanted.storage == "BLOB" and style is not None and style.name in ("1", "2"):
        return exp.func("hex_bytes", value, style)
    if isinstance(node, exp.TryCast) or node.args.get("safe"):
        return exp.TryCast(this=value, to=exp.DataType.build(wanted.storage, dialect="duckdb"))
    return sqlglot.parse_one(wanted.assigned(value.sql("duckdb")), read="duckdb")


def as_text(value: exp.Expr, type_of: TypeOf, style: str | None = None) -> exp.Expr:
    """A value as the text that SQL Server makes of it."""
    kind = type_of(value)
    name = kind.name if kind else ""
    if name in ("money", "smallmoney"):  # two digits behind the point, all four with style 2 and 126
        digits = "DECIMAL(19,4)" if style in ("2", "126") else "DECIMAL(19,2)"
        value = exp.Cast(this=value, to=exp.DataType.build(digits, dialect="duckdb"))
    elif style in ("1", "2") and name not in ("date", "datetime", "smalldatetime"):
        return exp.func("hex_text", value, exp.Literal.number(style))
    if name in ("datetime", "smalldatetime", "date") and style in _STYLES:
        form = "%Y-%m-%d" if name == "date" and style in ("121", "126", "120") else _STYLES[style]
        return exp.Anonymous(this="strftime", expressions=[value, exp.Literal.string(form)])
    if name == "datetimeoffset":
        return exp.func("shown_datetimeoffset", value)
    text = exp.Cast(this=value, to=exp.DataType.build("VARCHAR"))
    if name == "bit":
        return exp.Cast(this=exp.Cast(this=value, to=exp.DataType.build("INT")), to=exp.DataType.build("VARCHAR"))
    return exp.func("upper", text) if name == "uniqueidentifier" else text


def concatenated(node: exp.Add, type_of: TypeOf) -> exp.Expr:
    """`a + b`, which joins texts if one of them is text."""
    if _is_text(node.left, type_of) or _is_text(node.right, type_of):
        return exp.DPipe(this=node.left, expression=node.right)
    return node


def _is_text(node: exp.Expr, type_of: TypeOf) -> bool:
    node = node.unnest()
    if isinstance(node, exp.Literal):
        return bool(node.is_string)
    if isinstance(node, exp.Cast):
        return bool(node.to.this in (exp.DataType.Type.VARCHAR, exp.DataType.Type.TEXT))
    if isinstance(node, exp.Anonymous):
        return node.name.lower() in ("quotename", "left", "hex_text", "fits", "stuff")
    kind = type_of(node)
    return isinstance(node, _TEXT_FUNCTIONS) or (kind is not None and kind.name in _TEXT)
