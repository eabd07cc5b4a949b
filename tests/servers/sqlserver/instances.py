"""Capture instances: made, changed with their source table, and taken away.

"sys.sp_cdc_enable_table (Transact-SQL)", "sys.sp_cdc_disable_table (Transact-SQL)", "cdc.<capture_instance>_CT".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.servers.sqlserver.change_tables import Instance
from tests.servers.sqlserver.database import Column, Index, Table
from tests.servers.sqlserver.datatypes import DataType
from tests.servers.sqlserver.errors import error
from tests.servers.sqlserver.tables import create_table, drop_table, retype

if TYPE_CHECKING:
    from tests.servers.sqlserver.sessions import Session

_BEFORE = (
    "[__$start_lsn] binary(10), [__$end_lsn] binary(10), [__$seqval] binary(10), [__$operation] int,"
    " [__$update_mask] varbinary(128)"
)


@dataclass(frozen=True)
class Wanted:
    """What `sys.sp_cdc_enable_table` was asked for; None is what it chooses itself."""

    name: str | None = None
    columns: str | None = None
    role: str | None = None
    net: bool | None = None
    index: str | None = None


def enable(session: Session, table: Table, wanted: Wanted) -> None:
    """Make a capture instance."""
    work, capture = session.work, session.work.capture
    name = wanted.name or f"{table.schema}_{table.name}"
    if len(capture.of_table(table.id)) == 2:
        raise error(22962, f"{table.schema}.{table.name}")
    if capture.find(name):
        raise error(22926, name)
    key = _key(table, wanted.index)
    if wanted.net and key is None:
        raise error(22938)
    columns = _columns(table, wanted.columns)
    declared = ", ".join(f"[{column.name}] {_captured_type(column.type)}" for column in columns)
    create_table(session, f"CREATE TABLE cdc.[{name}_CT] ({_BEFORE}, {declared}, [__$command_id] int)", shipped=True)
    instance = Instance(
        name=name,
        id=work.table(f"cdc.{name}_CT").id,
        table=table.id,
        start_lsn=work.database.next_lsn(),
        columns=columns,
        net=key is not None if wanted.net is None else wanted.net,
        key=key.columns if key else (),
        role=wanted.role,
    )
    if wanted.role:
        session.engine.permissions.add_role(wanted.role)
    work.run(
        "INSERT INTO cdc.change_tables VALUES (?, 0, ?, ?, ?, NULL, ?, false, ?, ?, NULL, ?, false)",
        [instance.id, table.id, name, instance.start_lsn, instance.net, wanted.role, key.name if key else None,
         work.database.now()],
    )  # fmt: skip
    captured = enumerate(columns, start=1)
    work.insert(
        "cdc.captured_columns",
        [[instance.id, each.name, each.id, each.type.name, ordinal, each.computed, None] for ordinal, each in captured],
    )
    keyed = [column for name_of_key in instance.key for column in table.columns if column.name == name_of_key]
    key_columns = enumerate(keyed, start=1)
    work.insert("cdc.index_columns", [[instance.id, each.name, ordinal, each.id] for ordinal, each in key_columns])
    _set_tracked(session, table.id, tracked=True)
    capture.added(instance)


def _key(table: Table, index: str | None) -> Index | None:
    return next((each for each in table.indexes if index and each.name.lower() == index.lower()), table.primary_key)


def _columns(table: Table, wanted: str | None) -> tuple[Column, ...]:
    """The columns to capture, in the table's order."""
    if not wanted:
        return table.columns
    names = [name.strip().strip("[]").lower() for name in wanted.split(",")]
    for name in names:
        if table.column(name) is None:
            raise error(22930, name, f"{table.schema}.{table.name}")
    return tuple(column for column in table.columns if column.name.lower() in names)


def _captured_type(kind: DataType) -> str:
    return "binary(8)" if kind.name == "timestamp" else kind.text


def _set_tracked(session: Session, table: int, *, tracked: bool) -> None:
    session.work.run("UPDATE catalog.tables SET is_tracked_by_cdc = ? WHERE object_id = ?", [tracked, table])
    session.work.database.schema_changed()


def disable(session: Session, instance: Instance) -> None:
    """Take a capture instance and its change table away."""
    work = session.work
    with work.database.lock:  # the capture job must not come upon an instance whose table is gone
        drop_table(session, work.table(f"cdc.{instance.name}_CT"))
        for name in ("change_tables", "captured_columns", "index_columns", "ddl_history"):
            work.run(f"DELETE FROM cdc.{name} WHERE object_id = ?", [instance.id])
        work.capture.removed(instance)
    if not work.capture.of_table(instance.table):
        _set_tracked(session, instance.table, tracked=False)


def retype_captured(session: Session, instance: Instance, column: Column, kind: DataType) -> bool:
    """Give the change table's column the type that its source has got. False if the column is not captured."""
    captured = next((each for each in instance.columns if each.id == column.id), None)
    change_table = session.work.table(f"cdc.{instance.name}_CT")
    of_change_table = change_table.column(captured.name) if captured else None
    if of_change_table is None:
        return False
    retype(session, change_table, of_change_table, kind)
    session.work.run(
        "UPDATE cdc.captured_columns SET column_type = ? WHERE object_id = ? AND column_id = ?",
        [kind.name, instance.id, column.id],
    )
    columns = tuple(replace(each, type=kind) if each is captured else each for each in instance.columns)
    session.work.capture.changed(instance, replace(instance, columns=columns))
    return True


def note_altered(session: Session, table: Table, text: str, retyped: set[int]) -> None:
    """Keep an ALTER TABLE in the history of its capture instances."""
    work = session.work
    for instance in work.capture.of_table(table.id):
        work.run(
            "INSERT INTO cdc.ddl_history VALUES (?, ?, ?, ?, ?, ?)",
            [table.id, instance.id, instance.id in retyped, text, work.database.next_lsn(), work.database.now()],
        )
