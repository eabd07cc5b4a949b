"""Statements that change the schema, and what they mean for tables with change data capture.

"ALTER TABLE (Transact-SQL)", "sp_rename", and "Handling changes to source tables" in "About change data capture":
columns may be added, dropped and retyped; a captured one is not renamed (error 4928), nor the table truncated (4711).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.servers.sqlserver.database import Table, quoted
from tests.servers.sqlserver.datatypes import data_type
from tests.servers.sqlserver.errors import error
from tests.servers.sqlserver.instances import disable, note_altered, retype_captured
from tests.servers.sqlserver.tables import (
    Key,
    add_index,
    add_key,
    add_schema,
    create_table,
    defined_column,
    describe_columns,
    drop_table,
    key_columns,
    retype,
    set_nullable,
    table_constraint,
)
from tests.servers.sqlserver.tokens import Tokens

if TYPE_CHECKING:
    from tests.servers.sqlserver.sessions import Session


def define(session: Session, text: str) -> None:
    """Carry out one statement that begins with CREATE, ALTER, DROP, TRUNCATE, GRANT, DENY or REVOKE."""
    session.engine.permissions.must_own(session.user)
    tokens = Tokens(text)
    verb, what = tokens.word().upper(), tokens.word().upper()
    match verb, what:
        case "CREATE", "TABLE":
            create_table(session, text)
        case "CREATE", ("UNIQUE" | "CLUSTERED" | "NONCLUSTERED" | "INDEX"):
            _create_index(session, tokens, what)
        case "CREATE", "SCHEMA":
            add_schema(session, tokens.name())
        case "ALTER", "TABLE":
            _alter_table(session, tokens, text)
        case "ALTER", "DATABASE":
            session.engine.alter_database(text)
        case "DROP", "TABLE":
            _drop_tables(session, tokens)
        case "DROP", "INDEX":
            tokens.accept("IF", "EXISTS")
            name = tokens.name()
            tokens.expect("ON")
            _drop_index(session, session.work.table(tokens.name()), name)
        case "DROP", "SCHEMA":
            name = tokens.name()
            session.work.run("DELETE FROM catalog.schemas WHERE lower(name) = lower(?)", [name])
            session.work.run(f"DROP SCHEMA {quoted(name)}")
        case "TRUNCATE", "TABLE":
            table = session.work.table(tokens.name())
            if table.tracked:
                raise error(4711, table.name)
            session.work.run(f"DELETE FROM {table.quoted}")
        case _:
            session.engine.permissions.define(text)
    session.work.database.schema_changed()


def _create_index(session: Session, tokens: Tokens, what: str) -> None:
    while what != "INDEX" and not tokens.accept("INDEX"):
        tokens.take()
    name = tokens.word()
    tokens.expect("ON")
    table = session.work.table(tokens.name())
    add_index(session, table.id, name, key_columns(tokens), unique=what == "UNIQUE")


def _drop_index(session: Session, table: Table, name: str) -> None:
    index = next((index for index in table.indexes if index.name.lower() == name.lower()), None)
    if index is None:
        raise error(3701, "index", name)
    for part in ("index_columns", "indexes"):
        session.work.run(f"DELETE FROM catalog.{part} WHERE object_id = ? AND index_id = ?", [table.id, index.id])


def _alter_table(session: Session, tokens: Tokens, text: str) -> None:
    table = session.work.table(tokens.name(), number=4902)
    if tokens.accept("WITH"):  # CHECK or NOCHECK
        tokens.take()
    retyped: set[int] = set()
    if tokens.accept("ADD"):
        _add_columns(session, table, tokens)
    elif tokens.accept("ALTER", "COLUMN"):
        retyped = _alter_column(session, table, tokens)
    elif tokens.accept("DROP", "CONSTRAINT"):
        _drop_index(session, table, tokens.word())
    elif tokens.accept("DROP"):
        tokens.accept("COLUMN")
        exists = tokens.accept("IF", "EXISTS")
        while tokens.left:
            _drop_column(session, table, tokens.word(), missing_ok=exists)
            tokens.accept(",")
    else:
        raise error(102, tokens.peek())
    session.work.database.schema_changed()
    note_altered(session, table, text, retyped)


def _add_columns(session: Session, table: Table, tokens: Tokens) -> None:
    work = session.work
    [(last,)] = work.rows("SELECT max_column_id_used FROM catalog.tables WHERE object_id = ?", [table.id])
    keys: list[Key] = []
    while tokens.left:
        if key := table_constraint(tokens):
            keys += [key] if key[2] else []
        else:
            last += 1
            column, definition, key = defined_column(session, tokens, last)
            if table.column(column.name):
                raise error(2705, column.name, table.name)
            work.run(f"ALTER TABLE {table.quoted} ADD COLUMN {definition.removesuffix(' NOT NULL')}")
            if not column.nullable:
                work.run(f"ALTER TABLE {table.quoted} ALTER COLUMN {quoted(column.name)} SET NOT NULL")
            describe_columns(session, table.id, [column])
            work.run("UPDATE catalog.tables SET max_column_id_used = ? WHERE object_id = ?", [last, table.id])
            keys += [key] if key else []
        tokens.accept(",")
    for key in keys:
        add_key(session, table.id, table.name, key)


def _alter_column(session: Session, table: Table, tokens: Tokens) -> set[int]:
    """Change a column's type; the ids of the capture instances whose change tables were changed with it."""
    name = tokens.word()
    column = table.column(name)
    if column is None:
        raise error(4902, name)
    kind = data_type(tokens.text_until("NOT", "NULL", "COLLATE"))
    retype(session, table, column, kind)
    set_nullable(session, table.id, column.id, nullable=not tokens.accept("NOT", "NULL"))
    of_table = session.work.capture.of_table(table.id)
    return {each.id for each in of_table if retype_captured(session, each, column, kind)}


def _drop_column(session: Session, table: Table, name: str, *, missing_ok: bool) -> None:
    column = table.column(name)
    if column is not None:
        session.work.run(f"ALTER TABLE {table.quoted} DROP COLUMN {quoted(column.name)}")
        session.work.run("DELETE FROM catalog.columns WHERE object_id = ? AND column_id = ?", [table.id, column.id])
    elif not missing_ok:
        raise error(4902, name)


def _drop_tables(session: Session, tokens: Tokens) -> None:
    exists = tokens.accept("IF", "EXISTS")
    while tokens.left:
        name = tokens.name()
        table = session.work.find(*session.work.names(name))
        if table is not None:
            for instance in session.work.capture.of_table(table.id):
                disable(session, instance)
            drop_table(session, table)
        elif not exists:
            raise error(3701, "table", name)
        tokens.accept(",")


def rename(session: Session, old: str, new: str, kind: str | None) -> None:
    """`sp_rename` of a table or a column."""
    work = session.work
    path = old.replace("[", "").replace("]", "")
    if (kind or "").upper() != "COLUMN":
        found = work.find(*work.names(path))
        if found is None:
            raise error(15225, old, work.database.name, kind or "(null)")
        work.run(f"ALTER TABLE {found.quoted} RENAME TO {quoted(new)}")
        work.run("UPDATE catalog.tables SET name = ? WHERE object_id = ?", [new, found.id])
    else:
        path, _, name = path.rpartition(".")
        table = work.table(path, number=15248)
        column = table.column(name)
        if column is None:
            raise error(15248, "@objname", kind)
        if work.capture.captures(table.id, column.id):
            raise error(4928, column.name)
        work.run(f"ALTER TABLE {table.quoted} RENAME COLUMN {quoted(column.name)} TO {quoted(new)}")
        work.run(
            "UPDATE catalog.columns SET name = ? WHERE object_id = ? AND column_id = ?", [new, table.id, column.id]
        )
    work.database.schema_changed()
