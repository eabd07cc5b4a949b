"""T-SQL queries in DuckDB's words. sqlglot reads and writes; this is what lies between."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from tests.servers.sqlserver.change_functions import changes
from tests.servers.sqlserver.change_tables import CLUSTERED
from tests.servers.sqlserver.conversions import as_text, concatenated, converted, type_named
from tests.servers.sqlserver.datatypes import DataType
from tests.servers.sqlserver.errors import error
from tests.servers.sqlserver.literals import literal, typed
from tests.servers.sqlserver.live_views import live_view
from tests.servers.sqlserver.results import Source

if TYPE_CHECKING:
    from tests.servers.sqlserver.sessions import Session

_WORTH_KEEPING = 8_000
"""Longer statements bring data and do not come again."""

_SCHEMAS = {"information_schema": "info", "": "dbo"}


@lru_cache(maxsize=2048)
def _parsed(sql: str) -> exp.Expr:
    try:
        return sqlglot.parse_one(sql, read="tsql")
    except sqlglot.errors.ParseError as failure:
        near = failure.errors[0].get("highlight", "") if failure.errors else ""
        raise error(102, near) from None


def parsed(sql: str) -> exp.Expr:
    """The tree of one T-SQL statement, to be changed at will. Raises error 102."""
    return _parsed(sql).copy() if len(sql) < _WORTH_KEEPING else _parsed.__wrapped__(sql)


class Translator:
    """Puts one statement of a session into DuckDB's words. `sources` are the tables it names."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._done: set[int] = set()
        self._types: dict[int, DataType] = {}
        self.sources: list[Source] = []

    def translate(self, tree: exp.Expr) -> exp.Expr:
        """The same statement for DuckDB; `tree` is used up. Raises QueryError for what is not there or forbidden."""
        local = {table.alias.lower() for table in tree.find_all(exp.CTE)}
        for source in list(tree.find_all(exp.Table)):
            self._put(source, self._source(source, local))
        return self._nodes(tree)

    def _nodes(self, tree: exp.Expr) -> exp.Expr:
        """Put everything but tables into DuckDB's words, from the leaves up."""
        for node in reversed(list(tree.walk(prune=self._is_done))):
            if not self._is_done(node):
                new = self._node(node)
                if node is tree:
                    tree = new
                self._put(node, new)
        return tree

    def _put(self, node: exp.Expr, new: exp.Expr) -> None:
        if new is not node:
            self._done.add(id(new))
            if isinstance(node, exp.Cast | exp.Convert) and (kind := type_named(node)):
                self._types[id(new)] = kind
            node.replace(new)

    def _is_done(self, node: exp.Expr) -> bool:
        return id(node) in self._done

    # Tables

    def _source(self, source: exp.Table, local: set[str]) -> exp.Expr:
        """A table in its schema; a change function and a live view become the query they stand for."""
        source.set("hints", None)
        if isinstance(source.this, exp.GenerateSeries):
            start, end = (self._nodes(source.this.args[each].copy()).sql("duckdb") for each in ("start", "end"))
            return _in_place_of(source, f"SELECT unnest(range({start}, {end} + 1)) AS value", "value")
        if isinstance(source.this, exp.Anonymous):
            return self._function_of_rows(source, source.this)
        catalog, schema, name = source.catalog.lower(), source.db.lower(), source.name
        if not isinstance(source.this, exp.Identifier) or (not schema and name.lower() in local):
            return source
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
        if query := live_view(session, schema, name.lower()):
            return _in_place_of(source, query, name)
        if not source.alias:
            source.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
        source.set("catalog", None)
        source.set("db", exp.to_identifier(schema, quoted=True))
        return source

    def _function_of_rows(self, source: exp.Table, function: exp.Anonymous) -> exp.Expr:
        arguments = [self._nodes(each.copy()).sql("duckdb") for each in function.expressions]
        found = changes(self._session, function.name, arguments)
        if found is None:
            return source
        query, instance = found
        self.sources.append(instance)
        return _in_place_of(source, query, function.name)

    # Everything else

    def _node(self, node: exp.Expr) -> exp.Expr:
        session = self._session
        match node:
            case exp.Parameter(this=exp.Parameter()):
                return literal(session.variables.of_server(node.this.name))
            case exp.Parameter() if not isinstance(node.parent, exp.Parameter):
                return literal(session.variables[node.name])
            case exp.National():
                return exp.Literal.string(node.name)
            case exp.HexString():
                digits = str(node.this)
                return literal(bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2)))
            case exp.Convert() | exp.Cast():
                return converted(node, self.type_of)
            case exp.Add():
                return concatenated(node, self.type_of)
            case exp.Concat():
                node.set("expressions", [as_text(each, self.type_of) for each in node.expressions])
            case exp.CurrentTimestampLTZ():
                return literal(session.functions.plain["sysdatetimeoffset"]())
            case exp.CurrentTimestamp():
                return typed(session.work.database.now().isoformat(" "), "TIMESTAMP_MS")
            case exp.Dot(expression=exp.Func() as function):
                return self._function(node, function)
            case exp.Length():
                return exp.Anonymous(this="len", expressions=[node.this])
            case exp.Func() if not isinstance(node.parent, exp.Dot | exp.Table):
                return self._function(node, node)
            case exp.Column() if node.name.lower() == "0x":  # sqlglot takes the empty binary constant for a name
                return literal(b"")
            case exp.Column() if node.args.get("db"):
                return exp.Column(this=node.this, table=node.args["table"])
            case exp.QueryOption():
                node.pop()
            case exp.Select() if self._is_in_order(node):
                node.set("order", None)
        return node

    def _is_in_order(self, select: exp.Select) -> bool:
        """Whether rows are asked for in the order of the clustered index of one change table, in which they lie."""
        order, source = select.args.get("order"), select.args.get("from_")
        if not order or not source or select.args.get("joins") or not isinstance(source.this, exp.Table):
            return False
        names = [each.this.name.lower() for each in order.expressions if not each.args.get("desc")]
        in_order = [name for name in CLUSTERED if name in names]
        return source.this.name.lower().endswith("_ct") and source.this.db == "cdc" and names == in_order

    def type_of(self, node: exp.Expr) -> DataType | None:
        """The declared type of a column of one of the sources, or of what was converted."""
        if id(node) in self._types:
            return self._types[id(node)]
        if isinstance(node, exp.Column):
            for source in self.sources:
                for column in source.columns:
                    if column.name.lower() == node.name.lower():
                        return column.type
        return None

    def _function(self, node: exp.Expr, function: exp.Func) -> exp.Expr:
        """A function that belongs to the session or to the moment is its answer; `sys.` and `dbo.` are ours."""
        session = self._session
        name = function.name.lower() if isinstance(function, exp.Anonymous) else function.sql_name().lower()
        if name in session.functions.plain and not function.expressions:
            return literal(session.functions.plain[name]())
        if name in session.functions.of_values:
            asked = ", ".join(each.sql("duckdb") for each in function.expressions)
            return literal(session.functions.of_values[name](*session.work.rows(f"SELECT {asked}")[0]))
        if name.startswith("fn_cdc_"):
            if not session.engine.cdc_enabled:
                raise error(208, "cdc.lsn_time_mapping")
            return exp.Dot(this=exp.to_identifier("sys"), expression=function.copy())
        return function.copy() if isinstance(node, exp.Dot) else node


def _in_place_of(source: exp.Table, query: str, name: str) -> exp.Expr:
    """A DuckDB query where a table of that name stood."""
    rows = exp.Subquery(this=sqlglot.parse_one(query, read="duckdb"), alias=source.args.get("alias"))
    if not rows.alias:
        rows.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
    for part in ("joins", "laterals"):
        rows.set(part, source.args.get(part))
    return rows
