"""INSERT, UPDATE and DELETE of one table, and what the log gets of them.

"About change data capture": a change of a key is captured as a delete and an insert. They share their `__$seqval` when
the statement changed one row; when it changed several, all deletes come first. An update's two rows share theirs.
Not verified against a real server: an update that changes no captured column gives two rows with an empty mask, one
that changes nothing at all is not logged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import duckdb
from sqlglot import exp

from tests.servers.sqlserver.answers import ResultSet
from tests.servers.sqlserver.changelog import AFTER, BEFORE, DELETE, INSERT, Change
from tests.servers.sqlserver.database import Column, Table, quoted
from tests.servers.sqlserver.errors import QueryError, error, translated
from tests.servers.sqlserver.keys import check_keys
from tests.servers.sqlserver.literals import constant_columns
from tests.servers.sqlserver.queries import translated_query

if TYPE_CHECKING:
    from tests.servers.sqlserver.sessions import Session

Row = tuple[Any, ...]

FIRST_OF_OWN = 36_028_797_018_960_000
"""From here DuckDB counts the ids of rows that the open transaction itself has inserted."""


def write(session: Session, tree: exp.Expr) -> tuple[int, ResultSet | None]:
    """Run one statement in the open transaction, or in one of its own. How many rows, and what OUTPUT shows of them."""
    if not isinstance(tree, exp.Insert | exp.Update | exp.Delete) or tree.args.get("from_") or tree.args.get("using"):
        raise QueryError("The emulator writes to one table at a time, without MERGE or a join.")
    work, named = session.work, tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    table = work.table(f"{named.db or 'dbo'}.{named.name}")
    session.engine.permissions.must(session.user, tree.key.upper(), table)
    work.begin()
    try:
        changed: Changed
        match tree:
            case exp.Insert():
                changed = [(None, row) for row in _insert(session, tree, table)]
            case exp.Update():
                changed = _update(session, tree, table)
            case _:
                changed = [(row, None) for row in _delete(session, tree, table)]
    except duckdb.Error as failure:
        raise error(2628, table.name, "?") if "truncated" in str(failure) else translated(failure) from None
    check_keys(work, table, [after for _, after in changed if after])
    command = work.next_command()
    if table.tracked:
        work.log(_logged(session, table, changed, command))
    if not work.depth:
        work.commit()
    return len(changed), _output(tree, table, changed)


Changed = list[tuple[Row | None, Row | None]]
"""Each row before and after."""


def _insert(session: Session, tree: exp.Insert, table: Table) -> list[Row]:
    source = tree.expression
    if source is None:
        return session.work.rows(f"INSERT INTO {table.quoted} DEFAULT VALUES RETURNING *")
    columns = _insertable(tree, table, identity_insert=session.identity_insert)
    names = ", ".join(quoted(column.name) for column in columns)
    parameters: list[list[Any]] = []
    if isinstance(source, exp.Values):
        lines = [line.expressions for line in source.expressions]
        if any(len(line) != len(columns) for line in lines):
            raise error(213)
        constants = constant_columns(lines)
        if constants is None:
            given = (zip(columns, line, strict=True) for line in lines)
            assigned = ([_assigned(session, *each) for each in line] for line in given)
            rows = "VALUES " + ", ".join(f"({', '.join(line)})" for line in assigned)
        else:
            parameters = constants
            rows = _rows_of(columns, f"SELECT {', '.join(['unnest(?)'] * len(columns))}")
    else:
        rows = _rows_of(columns, translated_query(session, source.copy()))
    return session.work.rows(f"INSERT INTO {table.quoted} ({names}) {rows} RETURNING *", parameters)


def _rows_of(columns: list[Column], query: str) -> str:
    """The rows of a query as the columns take them in."""
    given = [quoted(f"_{at}") for at in range(len(columns))]
    taken = [column.type.assigned(name) for column, name in zip(columns, given, strict=True)]
    return f"SELECT {', '.join(taken)} FROM ({query}) AS s({', '.join(given)})"


def _insertable(tree: exp.Insert, table: Table, *, identity_insert: bool) -> list[Column]:
    """The columns that values are given for."""
    if isinstance(tree.this, exp.Schema):
        named = [_column(table, each.name) for each in tree.this.expressions]
        if not identity_insert and any(column.identity for column in named):
            raise error(544, table.name)
        return named
    return [column for column in table.columns if not (column.identity or column.computed or _is_stamp(column))]


def _column(table: Table, name: str) -> Column:
    column = table.column(name)
    if column is None:
        raise error(207, name)
    return column


def _is_stamp(column: Column) -> bool:
    return column.type.name == "timestamp"


def _assigned(session: Session, column: Column, value: exp.Expr) -> str:
    if isinstance(value, exp.Var | exp.Column) and value.name.upper() == "DEFAULT":
        return "DEFAULT"
    if isinstance(value, exp.Null):
        return "NULL"
    return column.type.assigned(translated_query(session, exp.select(value.copy())).removeprefix("SELECT "))


def _delete(session: Session, tree: exp.Delete, table: Table) -> list[Row]:
    chosen = _chosen(session, tree)
    ids = [row[0] for row in chosen]
    # Of ids of both kinds, DuckDB finds not all.
    for some in ([one for one in ids if one < FIRST_OF_OWN], [one for one in ids if one >= FIRST_OF_OWN]):
        if some:
            session.work.run(f"DELETE FROM {table.quoted} WHERE rowid IN (SELECT unnest(?))", [some])
    return [row[1:] for row in chosen]


def _update(session: Session, tree: exp.Update, table: Table) -> Changed:
    chosen = _chosen(session, tree)
    if not chosen:
        return []
    assignments = [
        f"{quoted(column.name)} = {_assigned(session, column, each.expression)}"
        for column, each in ((_column(table, each.this.name), each) for each in tree.expressions)
    ]
    stamps = [column for column in table.columns if _is_stamp(column)]
    assignments += [f"{quoted(column.name)} = DEFAULT" for column in stamps]
    ids = [row[0] for row in chosen]
    name = quoted(tree.this.alias_or_name)
    among = "rowid IN (SELECT unnest(?))"
    update = f"UPDATE {table.quoted} AS {name} SET {', '.join(assignments)} WHERE"
    if max(ids) >= FIRST_OF_OWN:  # the id of a row that this transaction inserted may be another afterwards
        return [(row[1:], session.work.rows(f"{update} rowid = ? RETURNING *", [row[0]])[0]) for row in chosen]
    session.work.run(f"{update} {among}", [ids])
    after = {row[0]: row[1:] for row in session.work.rows(f"SELECT rowid, * FROM {table.quoted} WHERE {among}", [ids])}
    return [(row[1:], after[row[0]]) for row in chosen]


def _chosen(session: Session, tree: exp.Update | exp.Delete) -> list[Row]:
    """The rows that the WHERE of a statement chooses, each with DuckDB's id for it in front."""
    query = exp.select("rowid", "*").from_(tree.this.copy())
    if where := tree.args.get("where"):
        query.set("where", where.copy())
    return session.work.rows(translated_query(session, query))


def _logged(session: Session, table: Table, changed: Changed, command: int) -> list[Change]:
    """What the log gets of a statement."""
    next_lsn = session.work.database.next_lsn
    keys = {name.lower() for index in table.indexes if index.unique for name in index.columns}
    key_ids = {column.id for column in table.columns if column.name.lower() in keys}

    def change(operation: int, row: Row, lsn: bytes, of_update: frozenset[int] | None = None) -> Change:
        values = {column.id: value for column, value in zip(table.columns, row, strict=True)}
        return Change(table.id, operation, lsn, command, values, of_update)

    changes: list[Change] = []
    arrived: list[Row] = []
    for before, after in changed:
        lsn = next_lsn()
        if before is None or after is None:
            changes += [change(DELETE, before, lsn)] if before else []
            changes += [change(INSERT, after, lsn)] if after else []
            continue
        of_update = _differing(table, before, after)
        if not of_update & key_ids:
            if of_update:
                changes += [change(BEFORE, before, lsn, of_update), change(AFTER, after, lsn, of_update)]
        else:
            changes.append(change(DELETE, before, lsn))
            if len(changed) == 1:
                changes.append(change(INSERT, after, lsn))
            else:
                arrived.append(after)
    return changes + [change(INSERT, row, next_lsn()) for row in arrived]


def _differing(table: Table, before: Row, after: Row) -> frozenset[int]:
    values = zip(table.columns, before, after, strict=True)
    return frozenset(column.id for column, old, new in values if old != new)


def _output(tree: exp.Expr, table: Table, changed: Changed) -> ResultSet | None:
    """What `OUTPUT inserted.id, deleted.*` shows."""
    returning = tree.args.get("returning")
    if returning is None:
        return None
    shown: list[tuple[bool, Column, str]] = []
    for each in returning.expressions:
        of = each.unalias()
        columns: Sequence[Column] = table.columns if of.is_star else [_column(table, of.name)]
        shown += [(of.table.lower() == "deleted", column, each.alias or column.name) for column in columns]
    places = {column.id: at for at, column in enumerate(table.columns)}
    rows = [
        [row[places[column.id]] if (row := before if old else after) else None for old, column, _ in shown]
        for before, after in changed
    ]
    return ResultSet([(name, column.type.on_the_wire) for _, column, name in shown], rows)
