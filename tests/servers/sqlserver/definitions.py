"""Changes of the schema: CREATE, ALTER and DROP TABLE, indexes, schemas, `sp_rename`, TRUNCATE.

"ALTER TABLE (Transact-SQL)", and for tables with change data capture "Handling changes to source tables" in
"About change data capture": columns may be added, dropped and retyped; a captured one is not renamed (error 4928),
the table is not truncated (4711).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.servers.sqlserver.database import Column, Table, quoted
from tests.servers.sqlserver.datatypes import DataType, data_type
from tests.servers.sqlserver.errors import error
from tests.servers.sqlserver.tokens import Tokens

if TYPE_CHECKING:
    from tests.servers.sqlserver.sessions import Session

_CONSTRAINTS = ("CONSTRAINT", "NOT", "NULL", "DEFAULT", "PRIMARY", "UNIQUE", "IDENTITY", "COLLATE", "CHECK", "REFERENCES",
                "FOREIGN", "ROWGUIDCOL", "SPARSE", "PERSISTED", ",", ")")  # fmt: skip


def define(session: Session, text: str) -> None:
    """Carry out one statement that begins with CREATE, ALTER, DROP or TRUNCATE."""
    tokens = Tokens(text)
    verb, what = tokens.word().upper(), tokens.word().upper()
    if what in ("UNIQUE", "CLUSTERED", "NONCLUSTERED"):
        unique = what == "UNIQUE"
        while not tokens.accept("INDEX"):
            tokens.take()
        return _create_index(session, tokens, unique=unique)
    match verb, what:
        case "CREATE", "TABLE":
            _create_table(session, tokens)
        case "CREATE", "INDEX":
            _create_index(session, tokens, unique=False)
        case "CREATE", "SCHEMA":
            session.add_schema(tokens.name())
        case "ALTER", "TABLE":
            _alter_table(session, tokens, text)
        case "ALTER", "DATABASE":
            session.alter_database(text)
        case "DROP", "TABLE":
            _drop_tables(session, tokens)
        case "DROP", "INDEX":
            _drop_index(session, tokens)
        case "DROP", "SCHEMA":
            name = tokens.name()
            session.run("DELETE FROM catalog.schemas WHERE lower(name) = lower(?)", [name])
            session.run(f"DROP SCHEMA {quoted(name)}")
        case "TRUNCATE", "TABLE":
            table = session.table(tokens.name())
            if table.tracked:
                raise error(4711, table.name)
            session.run(f"DELETE FROM {table.quoted}")
        case _:
            session.secure(text)
    session.database.schema_changed()
    return None


def create_table(session: Session, text: str, *, shipped: bool = False) -> None:
    """Make the table that `text` defines; `shipped` are those of the system."""
    tokens = Tokens(text)
    tokens.expect("CREATE", "TABLE")
    _create_table(session, tokens, shipped=shipped)
    session.database.schema_changed()


def _create_table(session: Session, tokens: Tokens, *, shipped: bool = False) -> None:
    schema, name = session.names(tokens.name())
    if session.find(schema, name):
        raise error(2714, name)
    table = session.database.next_object_id()
    keys: list[tuple[str | None, bool, list[str]]] = []
    columns: list[tuple[Column, str]] = []
    tokens.expect("(")
    while not tokens.accept(")"):
        if key := _table_constraint(tokens):
            keys += [key] if key[2] else []
        else:
            columns.append(_column(session, tokens, len(columns) + 1, keys))
        tokens.accept(",")
    seen: set[str] = set()
    for column, _ in columns:
        if column.name.lower() in seen:
            raise error(2705, column.name, name)
        seen.add(column.name.lower())
    definitions = [definition for _, definition in columns]
    session.run(f"CREATE TABLE {quoted(schema)}.{quoted(name)} ({', '.join(definitions)})")
    session.run(
        "INSERT INTO catalog.tables VALUES (?, ?, ?, false, ?, 0, ?, ?)",
        [table, schema, name, shipped, session.database.now(), len(columns)],
    )
    for column, _ in columns:
        describe_column(session, table, column)
    for constraint, primary, names in keys:
        _add_index(
            session,
            table,
            constraint or f"{'PK' if primary else 'UQ'}__{name}",
            names,
            primary=primary,
            constraint=True,
        )


def _table_constraint(tokens: Tokens) -> tuple[str | None, bool, list[str]] | None:
    """A key, if one comes; other constraints are read over and come as a key of no columns."""
    name = None
    if tokens.accept("CONSTRAINT"):
        name = tokens.word()
    if tokens.peek() in ("PRIMARY", "UNIQUE"):
        primary = tokens.accept("PRIMARY", "KEY") or not tokens.accept("UNIQUE")
        while tokens.accept("CLUSTERED") or tokens.accept("NONCLUSTERED"):
            pass
        columns = [re.sub(r"(?i)\s+(asc|desc)$", "", text).strip('[]"') for text in tokens.parenthesised()]
        tokens.text_until(",", ")")
        return name, primary, columns
    if name or tokens.peek() in ("CHECK", "FOREIGN"):
        tokens.text_until(",", ")")
        return name, False, []
    return None


def _column(
    session: Session, tokens: Tokens, at: int, keys: list[tuple[str | None, bool, list[str]]]
) -> tuple[Column, str]:
    """One column's definition: what the catalog says of it, and how DuckDB is told."""
    name = tokens.word()
    if tokens.accept("AS"):
        text = tokens.text_until("PERSISTED", ",", ")")
        tokens.text_until(",", ")")
        value = session.expression(text)
        kind = session.type_of(text, name)
        return Column(at, name, kind, True, False, True, None), f"{quoted(name)} {kind.storage} AS ({value})"
    try:
        kind = data_type(tokens.text_until(*_CONSTRAINTS))
    except ValueError as failure:
        raise error(102, str(failure)) from None
    nullable, identity, default = True, False, None
    while tokens.peek() not in (",", ")") and tokens.left:
        if tokens.accept("NOT", "NULL"):
            nullable = False
        elif tokens.accept("NULL"):
            nullable = True
        elif tokens.accept("IDENTITY"):
            identity, nullable = True, False
            start = tokens.parenthesised()[0] if tokens.peek() == "(" else "1"
            sequence = f"catalog.identity_{session.database.next_object_id()}"
            session.run(f"CREATE SEQUENCE {sequence} START {int(start)}")
            default = f"nextval('{sequence}')"
        elif tokens.accept("DEFAULT"):
            default = tokens.text_until(*_CONSTRAINTS)
        elif tokens.accept("CONSTRAINT"):
            tokens.word()
        elif tokens.peek() in ("PRIMARY", "UNIQUE"):
            primary = tokens.accept("PRIMARY", "KEY") or not tokens.accept("UNIQUE")
            nullable = nullable and not primary
            keys.append((None, primary, [name]))
        else:
            tokens.take()
            if tokens.peek() == "(":
                tokens.parenthesised()
    definition = f"{quoted(name)} {kind.storage}"
    if kind.name == "timestamp":
        nullable = False
    if default is not None:
        definition += f" DEFAULT ({default if identity else kind.assigned(session.expression(default))})"
    return Column(at, name, kind, nullable, identity, False, default), definition + ("" if nullable else " NOT NULL")


def describe_column(session: Session, table: int, column: Column) -> None:
    """Enter a column into the catalog."""
    session.run(
        "INSERT INTO catalog.columns VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [table, column.id, column.name, column.type.text, column.type.name, *column.type.facts,
         column.nullable, column.identity, column.computed, column.default],
    )  # fmt: skip


def _create_index(session: Session, tokens: Tokens, *, unique: bool) -> None:
    name = tokens.word()
    tokens.expect("ON")
    table = session.table(tokens.name())
    columns = [re.sub(r"(?i)\s+(asc|desc)$", "", text).strip("[]") for text in tokens.parenthesised()]
    _add_index(session, table.id, name, columns, primary=False, unique=unique)


def _add_index(
    session: Session,
    table: int,
    name: str,
    columns: list[str],
    *,
    primary: bool,
    unique: bool = True,
    constraint: bool = False,
) -> None:
    [(last,)] = session.rows("SELECT coalesce(max(index_id), 1) FROM catalog.indexes WHERE object_id = ?", [table])
    index = 1 if primary else last + 1
    session.run(
        "INSERT INTO catalog.indexes VALUES (?, ?, ?, ?, ?, ?)",
        [table, index, name, primary, unique, constraint and not primary],
    )
    for ordinal, column in enumerate(columns, start=1):
        found = session.rows(
            "SELECT column_id FROM catalog.columns WHERE object_id = ? AND lower(name) = lower(?)", [table, column]
        )
        if not found:
            raise error(207, column)
        session.run(
            "INSERT INTO catalog.index_columns VALUES (?, ?, ?, ?, false)", [table, index, ordinal, found[0][0]]
        )
        if primary:
            session.run("UPDATE catalog.columns SET is_nullable = false WHERE object_id = ? AND column_id = ?",
                        [table, found[0][0]])  # fmt: skip


def _drop_index(session: Session, tokens: Tokens) -> None:
    tokens.accept("IF", "EXISTS")
    name = tokens.name()
    tokens.expect("ON")
    _remove_index(session, session.table(tokens.name()), name)


def _remove_index(session: Session, table: Table, name: str) -> None:
    index = next((index for index in table.indexes if index.name.lower() == name.lower()), None)
    if index is None:
        raise error(3701, "index", name)
    for part in ("index_columns", "indexes"):
        session.run(f"DELETE FROM catalog.{part} WHERE object_id = ? AND index_id = ?", [table.id, index.id])


def _alter_table(session: Session, tokens: Tokens, text: str) -> None:
    table = session.table(tokens.name(), number=4902)
    changed: tuple[str, DataType] | None = None
    if tokens.accept("WITH"):
        tokens.take()
    if tokens.accept("ADD"):
        _add(session, table, tokens)
    elif tokens.accept("ALTER", "COLUMN"):
        changed = _retype(session, table, tokens)
    elif tokens.accept("DROP"):
        if tokens.accept("CONSTRAINT"):
            _remove_index(session, table, tokens.word())
        else:
            tokens.accept("COLUMN")
            exists = tokens.accept("IF", "EXISTS")
            while tokens.left:
                _drop_column(session, table, tokens.word(), missing_ok=exists)
                tokens.accept(",")
    session.database.schema_changed()
    session.capture.schema_altered(session, table, text, changed)


def _add(session: Session, table: Table, tokens: Tokens) -> None:
    [(last,)] = session.rows("SELECT max_column_id_used FROM catalog.tables WHERE object_id = ?", [table.id])
    keys: list[tuple[str | None, bool, list[str]]] = []
    while tokens.left:
        if key := _table_constraint(tokens):
            keys += [key] if key[2] else []
        else:
            last += 1
            column, definition = _column(session, tokens, last, keys)
            if table.column(column.name):
                raise error(2705, column.name, table.name)
            session.run(f"ALTER TABLE {table.quoted} ADD COLUMN {definition.removesuffix(' NOT NULL')}")
            describe_column(session, table.id, column)
            session.run("UPDATE catalog.tables SET max_column_id_used = ? WHERE object_id = ?", [last, table.id])
        tokens.accept(",")
    for name, primary, columns in keys:
        _add_index(session, table.id, name or f"{'PK' if primary else 'UQ'}__{table.name}", columns, primary=primary,
                   constraint=True)  # fmt: skip


def _retype(session: Session, table: Table, tokens: Tokens) -> tuple[str, DataType]:
    name = tokens.word()
    column = table.column(name)
    if column is None:
        raise error(4902, name)
    kind = data_type(tokens.text_until("NOT", "NULL", "COLLATE"))
    nullable = not tokens.accept("NOT", "NULL")
    retype(session, table, column, kind)
    session.run("UPDATE catalog.columns SET is_nullable = ? WHERE object_id = ? AND column_id = ?",
                [nullable, table.id, column.id])  # fmt: skip
    return column.name, kind


def retype(session: Session, table: Table, column: Column, kind: DataType) -> None:
    """Give a column another type, and its values with it."""
    name = quoted(column.name)
    session.run(
        f"ALTER TABLE {table.quoted} ALTER COLUMN {name} SET DATA TYPE {kind.storage} USING {kind.assigned(name)}"
    )
    session.run(
        'UPDATE catalog.columns SET declared = ?, type_name = ?, system_type_id = ?, max_length = ?, "precision" = ?,'
        ' "scale" = ? WHERE object_id = ? AND column_id = ?',
        [kind.text, kind.name, *kind.facts, table.id, column.id],
    )


def _drop_column(session: Session, table: Table, name: str, *, missing_ok: bool) -> None:
    column = table.column(name)
    if column is None:
        if missing_ok:
            return
        raise error(4902, name)
    session.run(f"ALTER TABLE {table.quoted} DROP COLUMN {quoted(column.name)}")
    session.run("DELETE FROM catalog.columns WHERE object_id = ? AND column_id = ?", [table.id, column.id])


def _drop_tables(session: Session, tokens: Tokens) -> None:
    exists = tokens.accept("IF", "EXISTS")
    while tokens.left:
        name = tokens.name()
        table = session.find(*session.names(name))
        if table is not None:
            session.capture.table_dropped(session, table)
            drop_table(session, table)
        elif not exists:
            raise error(3701, "table", name)
        tokens.accept(",")


def drop_table(session: Session, table: Table) -> None:
    session.run(f"DROP TABLE {table.quoted}")
    for part in ("tables", "columns", "indexes", "index_columns"):
        session.run(f"DELETE FROM catalog.{part} WHERE object_id = ?", [table.id])
    session.database.schema_changed()


def rename(session: Session, old: str, new: str, kind: str | None) -> None:
    """`sp_rename`. A captured column keeps its name: error 4928."""
    if (kind or "").upper() == "COLUMN":
        path, _, name = old.replace("[", "").replace("]", "").rpartition(".")
        table = session.table(path)
        column = table.column(name)
        if column is None:
            raise error(15225, old, session.database.name, kind)
        if table.tracked and session.capture.captures(table.id, column.id):
            raise error(4928, column.name)
        session.run(f"ALTER TABLE {table.quoted} RENAME COLUMN {quoted(column.name)} TO {quoted(new)}")
        session.run(
            "UPDATE catalog.columns SET name = ? WHERE object_id = ? AND column_id = ?", [new, table.id, column.id]
        )
    else:
        found = session.find(*session.names(old.replace("[", "").replace("]", "")))
        if found is None:
            raise error(15225, old, session.database.name, "(null)")
        session.run(f"ALTER TABLE {found.quoted} RENAME TO {quoted(new)}")
        session.run("UPDATE catalog.tables SET name = ? WHERE object_id = ?", [new, found.id])
    session.database.schema_changed()
