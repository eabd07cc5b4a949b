"""Capture instances: made, changed with their source table, read through their functions, taken away.

"sys.sp_cdc_enable_table", "cdc.fn_cdc_get_all_changes_<capture_instance>", "cdc.fn_cdc_get_net_changes_<capture_instance>".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.servers.sqlserver.capture import Capture, Instance
from tests.servers.sqlserver.database import Table, quoted
from tests.servers.sqlserver.datatypes import DataType
from tests.servers.sqlserver.definitions import create_table, drop_table, retype
from tests.servers.sqlserver.errors import error

if TYPE_CHECKING:
    from tests.servers.sqlserver.sessions import Session

_BEFORE = '"__$start_lsn" binary(10), "__$end_lsn" binary(10), "__$seqval" binary(10), "__$operation" int, "__$update_mask" varbinary(128)'


def enable(
    session: Session,
    table: Table,
    name: str | None,
    columns: str | None,
    role: str | None,
    net: bool | None,
    index: str | None,
) -> Instance:
    """Make a capture instance, as `sys.sp_cdc_enable_table` does."""
    capture, database = session.capture, session.database
    name = name or f"{table.schema}_{table.name}"
    if len(capture.of_table(table.id)) == 2:
        raise error(22962, f"{table.schema}.{table.name}")
    if capture.find(name):
        raise error(22926, name)
    key = next((each for each in table.indexes if index and each.name.lower() == index.lower()), table.primary_key)
    if net and key is None:
        raise error(22938)
    wanted = [column.strip().strip("[]").lower() for column in columns.split(",")] if columns else None
    for column in wanted or []:
        if table.column(column) is None:
            raise error(22930, column, f"{table.schema}.{table.name}")
    captured = tuple(column for column in table.columns if wanted is None or column.name.lower() in wanted)
    declarations = ", ".join(f'"{column.name}" {_captured_type(column.type)}' for column in captured)
    create_table(
        session, f'CREATE TABLE cdc."{name}_CT" ({_BEFORE}, {declarations}, "__$command_id" int)', shipped=True
    )
    made = session.find("cdc", f"{name}_CT")
    assert made is not None
    start = database.next_lsn()
    keys = key.columns if key else ()
    instance = Instance(name, made.id, table.id, start, captured, key is not None if net is None else net, role, keys)
    session.run(
        "INSERT INTO cdc.change_tables VALUES (?, 0, ?, ?, ?, NULL, ?, false, ?, ?, NULL, ?, false)",
        [made.id, table.id, name, start, instance.net, role, key.name if key else None, database.now()],
    )
    for ordinal, each in enumerate(captured, start=1):
        session.run(
            "INSERT INTO cdc.captured_columns VALUES (?, ?, ?, ?, ?, ?, NULL)",
            [made.id, each.name, each.id, each.type.name, ordinal, each.computed],
        )
    for ordinal, name_of_key in enumerate(keys, start=1):
        column_of_key = table.column(name_of_key)
        assert column_of_key is not None
        session.run(
            "INSERT INTO cdc.index_columns VALUES (?, ?, ?, ?)",
            [made.id, column_of_key.name, ordinal, column_of_key.id],
        )
    session.run("UPDATE catalog.tables SET is_tracked_by_cdc = true WHERE object_id = ?", [table.id])
    capture.instances.append(instance)
    database.schema_changed()
    if capture.running and not capture.lag:
        capture.note_idle()
    return instance


def _captured_type(kind: DataType) -> str:
    return "binary(8)" if kind.name == "timestamp" else kind.text


def disable(session: Session, instance: Instance) -> None:
    """Take a capture instance and its change table away."""
    capture = session.capture
    change_table = session.find("cdc", f"{instance.name}_CT")
    assert change_table is not None
    drop_table(session, change_table)
    for name in ("change_tables", "captured_columns", "index_columns", "ddl_history"):
        session.run(f"DELETE FROM cdc.{name} WHERE object_id = ?", [instance.id])
    capture.instances.remove(instance)
    if not capture.of_table(instance.table):
        session.run("UPDATE catalog.tables SET is_tracked_by_cdc = false WHERE object_id = ?", [instance.table])
    session.database.schema_changed()


def retype_captured(session: Session, instance: Instance, name: str, kind: DataType) -> bool:
    """Give the change table's column the type its source has got. False if the column is not captured."""
    change_table = session.find("cdc", f"{instance.name}_CT")
    column = change_table.column(name) if change_table else None
    if column is None or change_table is None:
        return False
    retype(session, change_table, column, kind)
    session.run("UPDATE cdc.captured_columns SET column_type = ? WHERE object_id = ? AND lower(column_name) = lower(?)",
                [kind.name, instance.id, name])  # fmt: skip
    return True


def changes(capture: Capture, function: str, arguments: list[str]) -> tuple[str, Instance] | None:
    """The DuckDB query that a change function of that name is, if there is one."""
    for kind, of_changes in (("all", _all_changes), ("net", _net_changes)):
        prefix = f"fn_cdc_get_{kind}_changes_"
        if function.lower().startswith(prefix):
            instance = capture.find(function[len(prefix) :])
            if instance is None or (kind == "net" and not instance.net):
                raise error(208, f"cdc.{function}")
            if len(arguments) != 3:
                raise error(313, f"cdc.{function}", state=3)
            return of_changes(instance, *arguments), instance
    return None


def _all_changes(instance: Instance, start: str, end: str, option: str) -> str:
    columns = ", ".join(quoted(column.name) for column in instance.columns)
    return (
        f'SELECT "__$start_lsn", "__$seqval", "__$operation", "__$update_mask", {columns} FROM {instance.change_table}'
        f' WHERE "__$start_lsn" BETWEEN {start} AND {end} AND (lower({option}) = \'all update old\' OR "__$operation" <> 3)'
    )


def _net_changes(instance: Instance, start: str, end: str, option: str) -> str:
    """The last state of each key that changed: one row, or none for what came and went."""
    columns = ", ".join(quoted(column.name) for column in instance.columns)
    key = ", ".join(quoted(column) for column in instance.index)
    order = '"__$start_lsn", "__$seqval", "__$operation"'
    return f"""
        SELECT "__$start_lsn", CASE WHEN "__$operation" = 1 THEN 1 WHEN lower({option}) = 'all with merge' THEN 5
            WHEN first_operation = 2 THEN 2 ELSE 4 END AS "__$operation",
            CASE WHEN lower({option}) = 'all with mask' AND "__$operation" = 4 THEN any_bit(masks) END AS "__$update_mask", {columns}
        FROM (SELECT *, first("__$operation") OVER (PARTITION BY {key} ORDER BY {order}) AS first_operation,
                list("__$update_mask") OVER (PARTITION BY {key}) AS masks,
                row_number() OVER (PARTITION BY {key} ORDER BY "__$start_lsn" DESC, "__$seqval" DESC, "__$operation" DESC) AS back
            FROM {instance.change_table} WHERE "__$start_lsn" BETWEEN {start} AND {end} AND "__$operation" <> 3)
        WHERE back = 1 AND NOT (first_operation = 2 AND "__$operation" = 1)"""
