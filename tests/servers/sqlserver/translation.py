"""T-SQL queries in DuckDB's words. sqlglot reads and writes; this is what lies between."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from functools import lru_cache
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from tests.servers.sqlserver.change_functions import changes
from tests.servers.sqlserver.datatypes import data_type
from tests.servers.sqlserver.errors import error
from tests.servers.sqlserver.results import Source

if TYPE_CHECKING:
    from tests.servers.sqlserver.sessions import Session

_SCHEMAS = {"information_schema": "info", "": "dbo"}
_TEXT = ("VARCHAR", "NVARCHAR", "CHAR", "NCHAR", "TEXT")


@lru_cache(maxsize=2048)
def _parsed(sql: str) -> exp.Expr:
    try:
        return sqlglot.parse_one(sql, read="tsql")
    except sqlglot.errors.ParseError as failure:
        near = failure.errors[0].get("highlight", "") if failure.errors else ""
        raise error(102, near) from None


def parsed(sql: str) -> exp.Expr:
    """The tree of one T-SQL statement, to be changed at will. Raises error 102."""
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


class Translator:
    """Puts one statement of a session into DuckDB's words. `sources` are the tables it names."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.sources: list[Source] = []

    def translate(self, tree: exp.Expr) -> exp.Expr:
        """The same statement for DuckDB; `tree` is used up. Raises QueryError for what is not there or forbidden."""
        local = {table.alias.lower() for table in tree.find_all(exp.CTE)}
        changed: dict[int, exp.Expr] = {}
        for source in list(tree.find_all(exp.Table)):
            if found := self._source(source, local):
                changed[id(source)] = found
        for option in list(tree.find_all(exp.QueryOption)):
            option.pop()
        return tree.transform(lambda node: changed[id(node)] if id(node) in changed else self._node(node), copy=False)

    def _source(self, source: exp.Table, local: set[str]) -> exp.Expr | None:
        """Put a table in its schema; a change function becomes the query it stands for."""
        source.set("hints", None)
        if isinstance(source.this, exp.Anonymous):
            return self._function_of_rows(source, source.this)
        catalog, schema, name = source.catalog.lower(), source.db.lower(), source.name
        if not isinstance(source.this, exp.Identifier) or (not schema and name.lower() in local):
            return None
        session = self._session
        if catalog == "msdb":
            schema = "msdb"
        elif catalog not in ("", session.work.database.name.lower(), "master"):
            raise error(911, source.catalog)
        schema = _SCHEMAS.get(schema, schema)
        table = session.work.find(schema, name)
        if table:
            session.engine.permissions.must(session.user, "SELECT", table)
            self.sources.append(table)
        elif schema in ("dbo", "cdc"):
            raise error(208, ".".join(part for part in (source.db, name) if part))
        if not source.alias:
            source.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
        source.set("catalog", None)
        source.set("db", exp.to_identifier(schema, quoted=True))
        return None

    def _function_of_rows(self, source: exp.Table, function: exp.Anonymous) -> exp.Expr | None:
        texts = [self.translate(exp.select(each.copy())).expressions[0].sql("duckdb") for each in function.expressions]
        found = changes(self._session, function.name, texts)
        if found is None:
            return None
        query, instance = found
        self.sources.append(instance)
        rows = exp.Subquery(this=sqlglot.parse_one(query, read="duckdb"), alias=source.args.get("alias"))
        if not rows.alias:
            rows.set("alias", exp.TableAlias(this=exp.to_identifier(function.name, quoted=True)))
        for part in ("joins", "laterals"):
            rows.set(part, source.args.get(part))
        return rows

    def _node(self, node: exp.Expr) -> exp.Expr:
        match node:
            case exp.Parameter():
                return literal(self._session.variables[node.name])
            case exp.SessionParameter():
                return literal(self._session.variables.of_server(node.name))
            case exp.National():
                return exp.Literal.string(node.name)
            case exp.HexString():
                digits = str(node.this)
                return literal(bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2)))
            case exp.Cast() | exp.TryCast():
                return self._converted(node)
            case exp.CurrentTimestamp():
                return _cast(self._session.work.database.now().isoformat(" "), "TIMESTAMP_MS")
            case exp.Dot(expression=exp.Func() as function):
                return self._function(node, function)
            case exp.Func() if not isinstance(node.parent, exp.Dot | exp.Table):
                return self._function(node, node)
            case exp.Column() if node.args.get("db"):
                return exp.Column(this=node.this, table=node.args["table"])
        return node

    def _converted(self, node: exp.Cast | exp.TryCast) -> exp.Expr:
        """CAST, and CONVERT with the styles of binary: "Binary styles"."""
        kind, style = node.to, node.args.get("style") or node.args.get("format")
        try:
            declared = data_type(kind.sql("tsql"))
        except ValueError:
            return node
        if style is not None and style.name in ("1", "2"):
            if declared.storage == "VARCHAR":
                return exp.func("hex_text", node.this, style)
            if declared.storage == "BLOB":
                return exp.func("hex_bytes", node.this, style)
        if declared.storage == "BLOB":
            return exp.func("as_binary", node.this)
        return type(node)(this=node.this, to=exp.DataType.build(declared.storage, dialect="duckdb"))

    def _function(self, node: exp.Expr, function: exp.Func) -> exp.Expr:
        """A function that belongs to the session or to the moment is its answer; `sys.` and `dbo.` are ours."""
        session = self._session
        name = function.name.lower() if isinstance(function, exp.Anonymous) else function.sql_name().lower()
        if name in session.functions.plain:
            return literal(session.functions.plain[name]())
        if name in session.functions.of_values:
            queries = [self.translate(exp.select(each.copy())).sql("duckdb") for each in function.expressions]
            values = [session.work.rows(query)[0][0] for query in queries]
            return literal(session.functions.of_values[name](*values))
        if name.startswith("fn_cdc_"):
            if not session.engine.cdc_enabled:
                raise error(208, "cdc.lsn_time_mapping")
            return exp.Dot(this=exp.to_identifier("sys"), expression=function)
        return function if isinstance(node, exp.Dot) else node
