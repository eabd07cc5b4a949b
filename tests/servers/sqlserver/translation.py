"""T-SQL queries in DuckDB's words. sqlglot reads and writes; this is what lies between."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp

from tests.servers.sqlserver.capture import Instance
from tests.servers.sqlserver.database import Table
from tests.servers.sqlserver.datatypes import LSN, DataType, data_type, type_of_expression
from tests.servers.sqlserver.errors import error
from tests.servers.sqlserver.instances import changes

if TYPE_CHECKING:
    from tests.servers.sqlserver.sessions import Session

_SCHEMAS = {"information_schema": "info", "": "dbo"}
_STORED_AS = {
    exp.DataType.Type.DATETIME: "TIMESTAMP_MS",
    exp.DataType.Type.SMALLDATETIME: "TIMESTAMP_S",
    exp.DataType.Type.BIT: "BOOLEAN",
    exp.DataType.Type.MONEY: "DECIMAL(19,4)",
    exp.DataType.Type.SMALLMONEY: "DECIMAL(10,4)",
    exp.DataType.Type.TIMESTAMPTZ: "VARCHAR",
    exp.DataType.Type.XML: "VARCHAR",
    exp.DataType.Type.IMAGE: "BLOB",
}
_TEXT = (exp.DataType.Type.VARCHAR, exp.DataType.Type.NVARCHAR, exp.DataType.Type.CHAR, exp.DataType.Type.NCHAR,
         exp.DataType.Type.TEXT, exp.DataType.Type.NAME)  # fmt: skip
_BYTES = (exp.DataType.Type.VARBINARY, exp.DataType.Type.BINARY, exp.DataType.Type.ROWVERSION)
_LSN_FUNCTIONS = (
    "fn_cdc_get_max_lsn",
    "fn_cdc_get_min_lsn",
    "fn_cdc_increment_lsn",
    "fn_cdc_decrement_lsn",
    "fn_cdc_map_time_to_lsn",
)


@lru_cache(maxsize=2048)
def _parsed(sql: str) -> exp.Expr:
    try:
        return sqlglot.parse_one(sql, read="tsql")
    except sqlglot.errors.ParseError as failure:
        near = failure.errors[0].get("highlight", "") if failure.errors else ""
        raise error(102, near) from None


def parsed(sql: str) -> exp.Expr:
    """The tree of one T-SQL statement. Raises error 102."""
    return _parsed(sql).copy()


def literal(value: object) -> exp.Expr:
    """A value as DuckDB's SQL has it."""
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
            return _cast(str(value), f"DECIMAL(38,{max(0, -int(value.as_tuple().exponent))})")
        case dt.datetime():
            return _cast(value.isoformat(" "), "TIMESTAMP")
        case dt.date():
            return _cast(value.isoformat(), "DATE")
        case dt.time():
            return _cast(value.isoformat(), "TIME")
        case uuid.UUID():
            return _cast(str(value), "UUID")
    return exp.Literal.string(str(value))


def _cast(text: str, kind: str) -> exp.Expr:
    return exp.Cast(this=exp.Literal.string(text), to=exp.DataType.build(kind, dialect="duckdb"))


@dataclass
class Translator:
    """Puts statements of one session into DuckDB's words. `sources` are the tables the last one names."""

    session: Session
    sources: list[Table | Instance]

    def translate(self, tree: exp.Expr) -> exp.Expr:
        """The same statement for DuckDB; the tree is used up."""
        self.sources = []
        named = {table.alias.lower() for table in tree.find_all(exp.CTE)}
        for scope in list(tree.find_all(exp.Table)):
            self._source(scope, named)
        for hint in list(tree.find_all(exp.QueryOption)):
            hint.pop()
        return tree.transform(self._node)

    def _source(self, source: exp.Table, named: set[str]) -> None:
        """Put a table in its schema, and a change function's query in its place."""
        source.set("hints", None)
        function = source.this
        if isinstance(function, exp.Anonymous):
            texts = [self.session.expression(argument.sql("tsql")) for argument in function.expressions]
            if found := changes(self.session.capture, function.name, texts):
                query, instance = found
                self.session.check_window(instance, function.name, texts)
                inner = exp.Subquery(this=sqlglot.parse_one(query, read="duckdb").transform(_as_written))
                inner.set("alias", source.args.get("alias"))
                source.replace(inner)
                self.sources.append(instance)
                return
            if function.name.lower() == "generate_series":
                return
            raise error(208, ".".join(part for part in (source.db, function.name) if part))
        if not isinstance(function, exp.Identifier):
            return
        catalog, schema, name = source.catalog.lower(), source.db.lower(), source.name
        if not schema and name.lower() in named:
            return
        if catalog == "msdb":
            schema = "msdb"
        elif catalog and catalog not in (self.session.database.name.lower(), "master"):
            raise error(911, source.catalog)
        schema = _SCHEMAS.get(schema, schema)
        table = self.session.find(schema, name)
        if table:
            self.session.allow("SELECT", table)
            self.sources.append(table)
        elif schema == "dbo" or (schema == "cdc" and not self.session.database_is_enabled):
            raise error(208, ".".join(part for part in (source.db, name) if part))
        source.set("catalog", None)
        source.set("db", exp.to_identifier(schema, quoted=True))
        source.set("this", exp.to_identifier(name, quoted=True))
        if not source.alias:
            source.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))

    def _node(self, node: exp.Expr) -> exp.Expr:
        match node:
            case exp.Parameter():
                return literal(self.session.variable(node.name))
            case exp.SessionParameter():
                return literal(self.session.global_variable(node.name))
            case exp.National():
                return exp.Literal.string(node.name)
            case exp.HexString():
                digits = str(node.this)
                return literal(bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2)))
            case exp.DataType():
                return _stored(node)
            case exp.Convert():
                return self._convert(node)
            case exp.CurrentTimestamp() | exp.CurrentTimestampLTZ():
                return _cast(self.session.database.now().isoformat(" "), "TIMESTAMP_MS")
            case exp.Dot() if isinstance(node.expression, exp.Func | exp.Anonymous):
                return self._function(node, node.expression)
            case exp.Anonymous() if not isinstance(node.parent, exp.Dot | exp.Table):
                return self._function(node, node)
            case exp.Column() if node.args.get("catalog") or node.args.get("db"):
                return exp.column(node.this.copy(), node.args["table"].copy())
            case exp.AtTimeZone():
                return node.this
            case exp.Ordered() | exp.Lock():
                return node
        return node

    def _convert(self, node: exp.Convert) -> exp.Expr:
        kind, style = node.this, node.args.get("style")
        value = node.expression
        if style is not None and style.name in ("1", "2"):
            if kind.this in _TEXT:
                return exp.func("hex_text", value, style)
            if kind.this in _BYTES:
                return exp.func("hex_bytes", value, style)
        return exp.Cast(this=value, to=kind)

    def _function(self, node: exp.Expr, function: exp.Expr) -> exp.Expr:
        """A function that belongs to the session, to the server's clock, or to a schema of ours."""
        name = function.name.lower() if isinstance(function, exp.Anonymous) else function.sql_name().lower()
        answers: dict[str, Callable[[], object]] = self.session.functions
        if name in answers:
            return literal(answers[name]())
        if name in self.session.functions_of_arguments:
            texts = [self.session.value(argument.sql("tsql")) for argument in function.expressions]
            return literal(self.session.functions_of_arguments[name](*texts))
        if name.startswith("fn_cdc_"):
            if not self.session.database_is_enabled:
                raise error(208, "cdc.lsn_time_mapping")
            return exp.Dot(this=exp.to_identifier("sys"), expression=function)
        if name == "fn_varbintohexstr" or (isinstance(node, exp.Dot) and name not in ("value", "query", "nodes")):
            return function
        return node


def _as_written(node: exp.Expr) -> exp.Expr:
    """Keep DuckDB's own literals from being read as T-SQL's."""
    return node


def _stored(kind: exp.DataType) -> exp.DataType:
    stored = _STORED_AS.get(kind.this)
    if stored is None and kind.this in _TEXT:
        stored = "VARCHAR"
    if stored is None and kind.this in _BYTES:
        stored = "BLOB"
    return exp.DataType.build(stored, dialect="duckdb") if stored else kind


def result_types(
    tree: exp.Expr, names: list[str], storages: list[str], sources: list[Table | Instance]
) -> list[DataType]:
    """The types of a query's columns: a table's column has its declared type, an expression DuckDB's."""
    declared: dict[str, DataType] = {}
    for source in reversed(sources):
        declared |= {column.name.lower(): column.type for column in source.columns}
        if isinstance(source, Instance):
            declared |= {
                "__$start_lsn": LSN,
                "__$seqval": LSN,
                "__$operation": data_type("int"),
                "__$update_mask": data_type("varbinary(128)"),
            }
    select = tree.find(exp.Select)
    projections = list(select.expressions) if select else []
    plain = len(projections) == len(names)
    types = []
    for at, (name, storage) in enumerate(zip(names, storages, strict=True)):
        of = projections[at].unalias() if plain else None
        while isinstance(of, exp.Max | exp.Min | exp.Paren | exp.Coalesce):
            of = of.this
        if isinstance(of, exp.Dot | exp.Anonymous) and (function := of.find(exp.Anonymous)):
            types.append(LSN if function.name.lower() in _LSN_FUNCTIONS else type_of_expression(storage))
            continue
        key = (
            of.name.lower()
            if isinstance(of, exp.Column)
            else name.lower()
            if of is None or isinstance(of, exp.Star)
            else ""
        )
        found = declared.get(key)
        types.append(found if found and _same_storage(found, storage) else _of_cast(of) or type_of_expression(storage))
    return types


def _same_storage(kind: DataType, storage: str) -> bool:
    return kind.storage == storage


def _of_cast(of: Any) -> DataType | None:
    """The type that a cast names."""
    if isinstance(of, exp.Cast | exp.TryCast | exp.Convert):
        to = of.args.get("to") or of.this
        try:
            return data_type(to.sql("tsql")) if isinstance(to, exp.DataType) else None
        except ValueError:
            return None
    return None
