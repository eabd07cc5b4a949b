"""INSERT, UPDATE, DELETE and MERGE, and what the log gets of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
from sqlglot import exp

from tests.servers.sqlserver.answers import ResultSet
from tests.servers.sqlserver.changelog import AFTER, BEFORE, DELETE, INSERT, Change
from tests.servers.sqlserver.database import Column, Index, Table, quoted
from tests.servers.sqlserver.errors import QueryError, error, translated

if TYPE_CHECKING:
    from tests.servers.sqlserver.sessions import Session

_FEW = 500


def write(session: Session, tree: exp.Expr) -> tuple[int, ResultSet | None]:
    """Run one statement in the open transaction, or in one of its own. How many rows, and what OUTPUT shows of them."""
    target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    table = _target(session, tree, target)
    session.allow(tree.key.upper(), table)
    alone = not session.depth
    session.begin()
    try:
        match tree:
            case exp.Insert():
                rows, changes = _insert(session, tree, table)
            case exp.Update():
                rows, changes = _update(session, tree, table)
            case exp.Delete():
                rows, changes = _delete(session, tree, table)
            case _:
                raise QueryError("The emulator has no MERGE.")
    except duckdb.Error as failure:
        raise _explained(failure, table) from None
    if table.tracked:
        session.log(changes)
    if alone:
        session.commit()
    return len(rows), _output(tree, table, changes)


def _target(session: Session, tree: exp.Expr, target: exp.Expr) -> Table:
    """The table a statement changes; `UPDATE t … FROM dbo.orders AS t` means the one behind the alias."""
    name = target.name
    for source in tree.find_all(exp.Table):
        if source is not target and source.alias.lower() == name.lower() and not target.args.get("db"):
            return session.table(f"{source.db or 'dbo'}.{source.name}")
    return session.table(f"{target.args['db'].name if target.args.get('db') else 'dbo'}.{name}")


Written = tuple[list[tuple[Any, ...]], list[Change]]


def _insert(session: Session, tree: exp.Insert, table: Table) -> Written:
    named = [session_name.name for session_name in tree.this.expressions] if isinstance(tree.this, exp.Schema) else None
    if named is None:
        named = [
            column.name for column in table.columns
            if not (column.identity or column.computed or column.type.name == "timestamp")
        ]  # fmt: skip
    columns = []
    for name in named:
        column = table.column(name)
        if column is None:
            raise error(207, name)
        columns.append(column)
    source = tree.expression
    if source is None:
        sql = f"INSERT INTO {table.quoted} DEFAULT VALUES"
    else:
        stamps = [column for column in table.columns if column.type.name == "timestamp"]
        if isinstance(source, exp.Values):
            lines = [
                "(" + ", ".join(_assigned(session, column, value) for column, value in zip(columns, line.expressions, strict=True)) + ")"
                if len(line.expressions) == len(columns) else _mismatch()
                for line in source.expressions
            ]  # fmt: skip
            values = "VALUES " + ", ".join(lines)
        else:
            given = ", ".join(quoted(f"_{at}") for at in range(len(columns)))
            taken = ", ".join(column.type.assigned(quoted(f"_{at}")) for at, column in enumerate(columns))
            values = f"SELECT {taken} FROM ({session.translate(source.copy()).sql('duckdb')}) AS s({given})"
        if stamps:
            stamp = f"unhex('{session.database.next_lsn()[-8:].hex()}')"
            columns = [*columns, *stamps]
            values = f"SELECT *{f', {stamp}' * len(stamps)} FROM ({values})"
        sql = f"INSERT INTO {table.quoted} ({', '.join(quoted(column.name) for column in columns)}) {values}"
    rows = session.rows(sql + " RETURNING *")
    _check_keys(session, table, rows)
    command = session.next_command()
    return rows, [_change(session, table, INSERT, row, command) for row in rows] if _wanted(tree, table) else []


def _mismatch() -> str:
    raise error(213)


def _assigned(session: Session, column: Column, value: exp.Expr) -> str:
    if isinstance(value, exp.Var | exp.Column) and value.name.upper() == "DEFAULT":
        return "DEFAULT"
    if isinstance(value, exp.Null):
        return "NULL"
    return column.type.assigned(session.translate(exp.select(value.copy())).expressions[0].sql("duckdb"))


def _wanted(tree: exp.Expr, table: Table) -> bool:
    return table.tracked or bool(tree.args.get("returning"))


def _change(
    session: Session, table: Table, operation: int, row: tuple[Any, ...], command: int, lsn: bytes | None = None,
    changed: frozenset[int] | None = None,
) -> Change:  # fmt: skip
    values = {column.id: value for column, value in zip(table.columns, row, strict=True)}
    return Change(table.id, operation, lsn or session.database.next_lsn(), command, values, changed)


def _delete(session: Session, tree: exp.Delete, table: Table) -> Written:
    ids = _row_ids(session, tree, table)
    rows = (
        session.rows(f"DELETE FROM {table.quoted} WHERE rowid IN (SELECT unnest(?)) RETURNING *", [ids]) if ids else []
    )
    command = session.next_command()
    return rows, [_change(session, table, DELETE, row, command) for row in rows] if _wanted(tree, table) else []


def _row_ids(session: Session, tree: exp.Update | exp.Delete, table: Table) -> list[int]:
    """The rows that a statement's FROM, WHERE and TOP choose."""
    target = tree.this
    alias = target.alias or target.name
    source = tree.args.get("from_") or tree.args.get("from")
    chosen = exp.Select()
    chosen.set(
        "expressions", [exp.column(exp.to_identifier("rowid"), quoted(alias).strip('"') if not source else target.name)]
    )
    if source:
        chosen.set("from_" if "from_" in exp.Select.arg_types else "from", source.copy())
    else:
        chosen = chosen.from_(exp.alias_(exp.table_(table.name, db=table.schema), alias, table=True))
    if where := tree.args.get("where"):
        chosen.set("where", where.copy())
    if limit := tree.args.get("limit"):
        chosen.set("limit", exp.Limit(expression=limit.expression.copy()))
    return sorted({row[0] for row in session.rows(session.translate(chosen).sql("duckdb"))})


def _update(session: Session, tree: exp.Update, table: Table) -> Written:
    ids = _row_ids(session, tree, table)
    if not ids:
        session.next_command()
        return [], []
    chosen = "WHERE {rowid} IN (SELECT unnest(?))"
    before = session.rows(f"SELECT rowid, * FROM {table.quoted} {chosen.format(rowid='rowid')}", [ids])
    assignments = []
    for each in tree.expressions:
        column = table.column(each.this.name)
        if column is None:
            raise error(207, each.this.name)
        assignments.append(f"{quoted(column.name)} = {_assigned(session, column, each.expression)}")
    for column in table.columns:
        if column.type.name == "timestamp":
            assignments.append(f"{quoted(column.name)} = unhex('{session.database.next_lsn()[-8:].hex()}')")
    alias = tree.this.alias or tree.this.name
    source = tree.args.get("from_") or tree.args.get("from")
    if source:
        joined = exp.Select().select("*")
        joined.set("from_" if "from_" in exp.Select.arg_types else "from", source.copy())
        text = session.translate(joined).sql("duckdb").partition(" FROM ")[2]
        own = f"{quoted(alias)}.rowid"
        session.run(
            f"UPDATE {table.quoted} AS changed_row SET {', '.join(assignments)} FROM {text}"
            f" WHERE changed_row.rowid = {own} AND {own} IN (SELECT unnest(?))", [ids],
        )  # fmt: skip
    else:
        session.run(
            f"UPDATE {table.quoted} AS {quoted(alias)} SET {', '.join(assignments)} {chosen.format(rowid='rowid')}",
            [ids],
        )
    after = dict(
        (row[0], row[1:])
        for row in session.rows(f"SELECT rowid, * FROM {table.quoted} {chosen.format(rowid='rowid')}", [ids])
    )
    _check_keys(session, table, list(after.values()))
    changes = _logged(session, table, [(row[1:], after[row[0]]) for row in before]) if _wanted(tree, table) else []
    return list(after.values()), changes


def _logged(session: Session, table: Table, rows: list[tuple[tuple[Any, ...], tuple[Any, ...]]]) -> list[Change]:
    """An update's changes: of a key, deletes and then inserts; of one row under one `__$seqval`."""
    command = session.next_command()
    keys = {name for index in table.indexes if index.unique for name in index.columns}
    key_ids = {column.id for column in table.columns if column.name in keys}
    moved: list[Change] = []
    arrived: list[Change] = []
    changes: list[Change] = []
    for before, after in rows:
        pairs = zip(table.columns, before, after, strict=True)
        changed = frozenset(column.id for column, old, new in pairs if old != new)
        if not changed:
            continue
        lsn = session.database.next_lsn()
        if changed & key_ids:
            moved.append(_change(session, table, DELETE, before, command, lsn))
            arrived.append(_change(session, table, INSERT, after, command, lsn if len(rows) == 1 else None))
        else:
            changes.append(_change(session, table, BEFORE, before, command, lsn, changed))
            changes.append(_change(session, table, AFTER, after, command, lsn, changed))
    if len(rows) > 1:
        arrived = [Change(**{**vars(each), "sequence": session.database.next_lsn()}) for each in arrived]
    return [*moved, *arrived, *changes]


def _check_keys(session: Session, table: Table, rows: list[tuple[Any, ...]]) -> None:
    """Error 2627 if a key now occurs twice; DuckDB's own keys would stand in the way of ALTER TABLE."""
    for index in table.indexes:
        if index.unique and rows:
            names = ", ".join(quoted(name) for name in index.columns)
            sql = f"SELECT {names} FROM {table.quoted} {_among(table, index, rows)} GROUP BY {names} HAVING count(*) > 1 LIMIT 1"
            if session.rows(sql, _first_values(table, index, rows)):
                raise error(2627, index.name, f"{table.schema}.{table.name}")


def _among(table: Table, index: Index, rows: list[tuple[Any, ...]]) -> str:
    if len(rows) > _FEW:
        return ""
    return f"WHERE {quoted(index.columns[0])} IN ({', '.join('?' * len(rows))})"


def _first_values(table: Table, index: Index, rows: list[tuple[Any, ...]]) -> list[Any]:
    at = next(at for at, column in enumerate(table.columns) if column.name == index.columns[0])
    return [row[at] for row in rows] if len(rows) <= _FEW else []


def _explained(failure: duckdb.Error, table: Table) -> QueryError:
    return error(2628, table.name, "?") if "truncated" in str(failure) else translated(failure)


def _output(tree: exp.Expr, table: Table, changes: list[Change]) -> ResultSet | None:
    """What `OUTPUT inserted.id, deleted.x` shows."""
    returning = tree.args.get("returning")
    if returning is None:
        return None
    columns = []
    for each in returning.expressions:
        of = each.unalias()
        side, name = of.table.lower(), of.name
        chosen = table.columns if isinstance(of.this, exp.Star) else [table.column(name)]
        columns += [(side, column, each.alias or column.name) for column in chosen if column]
    rows = []
    for change in changes:
        if change.operation in (INSERT, AFTER, DELETE):
            rows.append([change.values.get(column.id) for _, column, _ in columns])
    return ResultSet([(name, column.type.on_the_wire) for _, column, name in columns], rows)
