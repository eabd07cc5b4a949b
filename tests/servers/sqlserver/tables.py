"""Tables as the store has them and the catalog describes them: made, changed and dropped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb

from tests.servers.sqlserver.database import Column, Table, quoted
from tests.servers.sqlserver.datatypes import DataType, data_type, type_of_expression
from tests.servers.sqlserver.errors import error
from tests.servers.sqlserver.queries import expression
from tests.servers.sqlserver.tokens import Tokens

if TYPE_CHECKING:
    from tests.servers.sqlserver.sessions import Session

_AFTER_TYPE = (
    *("CONSTRAINT", "NOT", "NULL", "DEFAULT", "PRIMARY", "UNIQUE", "IDENTITY", "COLLATE", "CHECK", "REFERENCES"),
    *("FOREIGN", "ROWGUIDCOL", "SPARSE", "PERSISTED", ",", ")"),
)
Key = tuple[str | None, bool, list[str]]
"""A key's name, whether it is the primary one, and its columns."""


def create_table(session: Session, text: str, *, shipped: bool = False) -> None:
    """Make the table of a `CREATE TABLE`; `shipped` are those of the system."""
    work, tokens = session.work, Tokens(text)
    tokens.expect("CREATE", "TABLE")
    schema, name = work.names(tokens.name())
    if work.find(schema, name):
        raise error(2714, name)
    keys: list[Key] = []
    columns: list[tuple[Column, str]] = []
    tokens.expect("(")
    while not tokens.accept(")"):
        if key := table_constraint(tokens):
            keys += [key] if key[2] else []
        else:
            column, definition, key = defined_column(session, tokens, len(columns) + 1)
            if any(column.name.lower() == other.name.lower() for other, _ in columns):
                raise error(2705, column.name, name)
            columns.append((column, definition))
            keys += [key] if key else []
        tokens.accept(",")
    table = work.database.next_object_id()
    definitions = ", ".join(definition for _, definition in columns)
    work.run(f"CREATE TABLE {quoted(schema)}.{quoted(name)} ({definitions})")
    work.run(
        "INSERT INTO catalog.tables VALUES (?, ?, ?, false, ?, 0, ?, ?)",
        [table, schema, name, shipped, work.database.now(), len(columns)],
    )
    describe_columns(session, table, [column for column, _ in columns])
    for key in keys:
        add_key(session, table, name, key)
    work.database.schema_changed()


def table_constraint(tokens: Tokens) -> Key | None:
    """A key, if a constraint comes; constraints of other kinds are read over, and come as a key of no columns."""
    name = tokens.word() if tokens.accept("CONSTRAINT") else None
    if tokens.peek() in ("PRIMARY", "UNIQUE"):
        primary = tokens.accept("PRIMARY", "KEY") or not tokens.accept("UNIQUE")
        while tokens.accept("CLUSTERED") or tokens.accept("NONCLUSTERED"):
            pass
        columns = key_columns(tokens)
        tokens.text_until(",", ")")
        return name, primary, columns
    if name or tokens.peek() in ("CHECK", "FOREIGN"):
        tokens.text_until(",", ")")
        return name, False, []
    return None


def key_columns(tokens: Tokens) -> list[str]:
    """The names of `(id, [at] DESC)`."""
    return [re.sub(r"(?i)\s+(asc|desc)$", "", text).strip('[]"') for text in tokens.parenthesised()]


def defined_column(session: Session, tokens: Tokens, at: int) -> tuple[Column, str, Key | None]:
    """One column's definition: what the catalog says of it, how DuckDB is told, and the key it is."""
    name = tokens.word()
    if tokens.accept("AS"):
        return *_computed(session, name, tokens, at), None
    try:
        kind = data_type(tokens.text_until(*_AFTER_TYPE))
    except ValueError as failure:
        raise error(102, str(failure)) from None
    nullable, identity, default, key = kind.name != "timestamp", False, None, None
    while tokens.left and tokens.peek() not in (",", ")"):
        if tokens.accept("NOT", "NULL"):
            nullable = False
        elif tokens.accept("IDENTITY"):
            identity, nullable = True, False
            start = tokens.parenthesised()[0] if tokens.peek() == "(" else "1"
        elif tokens.accept("DEFAULT"):
            default = tokens.text_until(*_AFTER_TYPE)
        elif tokens.accept("CONSTRAINT"):
            tokens.word()
        elif tokens.peek() in ("PRIMARY", "UNIQUE"):
            primary = tokens.accept("PRIMARY", "KEY") or not tokens.accept("UNIQUE")
            nullable = nullable and not primary
            key = (None, primary, [name])
        else:
            tokens.take()
            if tokens.peek() == "(":
                tokens.parenthesised()
    definition = f"{quoted(name)} {kind.storage}"
    if identity:
        sequence = f"catalog.identity_{session.work.database.next_object_id()}"
        session.work.run(f"CREATE SEQUENCE {sequence} START {int(start)}")
        definition += f" DEFAULT nextval('{sequence}')"
    elif kind.name == "timestamp":
        definition += " DEFAULT unhex(printf('%016X', nextval('catalog.row_version')))"
    elif default is not None:
        definition += f" DEFAULT ({kind.assigned(expression(session, default))})"
    return Column(at, name, kind, nullable, identity, False, default), definition + " NOT NULL" * (not nullable), key


def _computed(session: Session, name: str, tokens: Tokens, at: int) -> tuple[Column, str]:
    text = expression(session, tokens.text_until("PERSISTED", ",", ")"))
    tokens.text_until(",", ")")
    try:
        kind = type_of_expression(str(session.work.relation(f"SELECT {text}").types[0]))
    except duckdb.Error:  # of columns that are not there yet
        kind = data_type("int")
    return Column(at, name, kind, True, False, True, None), f"{quoted(name)} {kind.storage} AS ({text})"


def describe_columns(session: Session, table: int, columns: list[Column]) -> None:
    """Enter columns into the catalog."""
    rows = [
        [table, each.id, each.name, each.type.text, each.type.name, *each.type.facts, each.nullable, each.identity,
         each.computed, each.default]
        for each in columns
    ]  # fmt: skip
    session.work.insert("catalog.columns", rows)


def add_key(session: Session, table: int, name: str, key: Key) -> None:
    """Enter a key into the catalog; it is checked when rows are written."""
    given, primary, columns = key
    add_index(
        session, table, given or f"{'PK' if primary else 'UQ'}__{name}", columns, primary=primary, constraint=True
    )


def add_index(
    session: Session,
    table: int,
    name: str,
    columns: list[str],
    *,
    primary: bool = False,
    unique: bool = True,
    constraint: bool = False,
) -> None:
    """Enter an index into the catalog. Raises error 207 for a column that is not there."""
    work = session.work
    [(last,)] = work.rows("SELECT coalesce(max(index_id), 1) FROM catalog.indexes WHERE object_id = ?", [table])
    index = 1 if primary else last + 1
    work.run(
        "INSERT INTO catalog.indexes VALUES (?, ?, ?, ?, ?, ?)",
        [table, index, name, primary, unique, constraint and not primary],
    )
    for ordinal, column in enumerate(columns, start=1):
        found = work.rows(
            "SELECT column_id FROM catalog.columns WHERE object_id = ? AND lower(name) = lower(?)", [table, column]
        )
        if not found:
            raise error(207, column)
        work.run("INSERT INTO catalog.index_columns VALUES (?, ?, ?, ?, false)", [table, index, ordinal, found[0][0]])
        if primary:
            set_nullable(session, table, found[0][0], nullable=False)
    work.database.schema_changed()


def set_nullable(session: Session, table: int, column: int, *, nullable: bool) -> None:
    session.work.run(
        "UPDATE catalog.columns SET is_nullable = ? WHERE object_id = ? AND column_id = ?", [nullable, table, column]
    )


def retype(session: Session, table: Table, column: Column, kind: DataType) -> None:
    """Give a column another type, and its values with it."""
    name = quoted(column.name)
    session.work.run(
        f"ALTER TABLE {table.quoted} ALTER COLUMN {name} SET DATA TYPE {kind.storage} USING {kind.assigned(name)}"
    )
    session.work.run(
        'UPDATE catalog.columns SET declared = ?, type_name = ?, system_type_id = ?, max_length = ?, "precision" = ?,'
        ' "scale" = ? WHERE object_id = ? AND column_id = ?',
        [kind.text, kind.name, *kind.facts, table.id, column.id],
    )
    session.work.database.schema_changed()


def drop_table(session: Session, table: Table) -> None:
    session.work.run(f"DROP TABLE {table.quoted}")
    for part in ("tables", "columns", "indexes", "index_columns"):
        session.work.run(f"DELETE FROM catalog.{part} WHERE object_id = ?", [table.id])
    session.work.database.schema_changed()


def add_schema(session: Session, name: str) -> None:
    [(last,)] = session.work.rows("SELECT max(schema_id) FROM catalog.schemas")
    session.work.run("INSERT INTO catalog.schemas VALUES (?, ?, 1)", [name, last + 1])
    session.work.run(f"CREATE SCHEMA IF NOT EXISTS {quoted(name)}")
