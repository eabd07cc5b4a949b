"""The functions that read a change table.

"cdc.fn_cdc_get_all_changes_<capture_instance>", "cdc.fn_cdc_get_net_changes_<capture_instance>". A range outside what
the instance has, an unknown option or too few arguments are error 313, whether a row lies in the range or not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.servers.sqlserver.change_tables import Instance
from tests.servers.sqlserver.database import quoted
from tests.servers.sqlserver.errors import error

if TYPE_CHECKING:
    from tests.servers.sqlserver.sessions import Session


def changes(session: Session, function: str, arguments: list[str]) -> tuple[str, Instance] | None:
    """The DuckDB query that a change function of that name stands for, if it is one; `arguments` are DuckDB's SQL."""
    kinds: dict[str, tuple[Callable[..., str], tuple[str, ...]]] = {
        "fn_cdc_get_all_changes_": (_all_changes, ("all", "all update old")),
        "fn_cdc_get_net_changes_": (_net_changes, ("all", "all with mask", "all with merge")),
    }
    for prefix, (of_changes, options) in kinds.items():
        if function.lower().startswith(prefix):
            instance = session.work.capture.find(function[len(prefix) :])
            if instance is None or (of_changes is _net_changes and not instance.net):
                raise error(208, f"cdc.{function}")
            if not session.engine.permissions.owns(session.user):
                source = next((table for table in session.work.tables() if table.id == instance.table), None)
                session.engine.permissions.must_read(session.user, instance, source, function)
            if len(arguments) != 3 or not _in_range(session, instance, arguments, options):
                raise error(313, f"cdc.{function}", state=3)
            return of_changes(instance, *arguments), instance
    return None


def _in_range(session: Session, instance: Instance, arguments: list[str], options: tuple[str, ...]) -> bool:
    [(start, end, option, low, high)] = session.work.rows(
        f"SELECT {', '.join(arguments)}, sys.fn_cdc_get_min_lsn(?), sys.fn_cdc_get_max_lsn()", [instance.name]
    )
    known = all(isinstance(each, bytes) for each in (start, end, high))
    return known and low <= start <= end <= high and str(option).lower() in options


def _all_changes(instance: Instance, start: str, end: str, option: str) -> str:
    columns = ", ".join(quoted(column.name) for column in instance.columns)
    return (
        f'SELECT "__$start_lsn", "__$seqval", "__$operation", "__$update_mask", {columns} FROM {instance.change_table}'
        f' WHERE "__$start_lsn" BETWEEN {start} AND {end}'
        f" AND (lower({option}) = 'all update old' OR \"__$operation\" <> 3)"
    )


def _net_changes(instance: Instance, start: str, end: str, option: str) -> str:
    """The last state of each key that changed: one row, or none for what came and went."""
    columns = ", ".join(quoted(column.name) for column in instance.columns)
    key = ", ".join(quoted(column) for column in instance.key)
    order = ('"__$start_lsn"', '"__$seqval"', '"__$operation"')
    forth, back = ", ".join(order), ", ".join(f"{each} DESC" for each in order)
    return f"""
        SELECT "__$start_lsn", CASE WHEN "__$operation" = 1 THEN 1 WHEN lower({option}) = 'all with merge' THEN 5
            WHEN first_operation = 2 THEN 2 ELSE 4 END AS "__$operation",
            CASE WHEN lower({option}) = 'all with mask' AND "__$operation" = 4 AND first_operation <> 2
            THEN any_bit(masks) END AS "__$update_mask", {columns}
        FROM (SELECT *, first("__$operation") OVER (PARTITION BY {key} ORDER BY {forth}) AS first_operation,
                list("__$update_mask") OVER (PARTITION BY {key}) AS masks,
                row_number() OVER (PARTITION BY {key} ORDER BY {back}) AS from_the_end
            FROM {instance.change_table} WHERE "__$start_lsn" BETWEEN {start} AND {end} AND "__$operation" <> 3)
        WHERE from_the_end = 1 AND NOT (first_operation = 2 AND "__$operation" = 1)"""
