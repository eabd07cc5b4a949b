"""The procedures of change data capture: "Change data capture stored procedures (Transact-SQL)"."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from tests.servers.sqlserver import instances, tables
from tests.servers.sqlserver.calls import Arguments, Parts, procedure, result
from tests.servers.sqlserver.errors import error

if TYPE_CHECKING:
    from tests.servers.sqlserver.change_tables import Instance
    from tests.servers.sqlserver.database import Table
    from tests.servers.sqlserver.sessions import Session

_TABLES = ("change_tables", "captured_columns", "index_columns", "ddl_history", "lsn_time_mapping")


@procedure("sp_cdc_enable_db")
def _enable_database(session: Session, _: Arguments, __: Parts) -> int:
    engine, folder = session.engine, resources.files("tests.servers.sqlserver")
    if not engine.permissions.in_server_role(session.user, "sysadmin"):
        raise error(22902)
    if engine.cdc_enabled:
        raise error(22905, engine.database.name)
    tables.add_schema(session, "cdc")
    for line in (folder / "cdc.sql").read_text().splitlines():
        if line.startswith("CREATE"):
            tables.create_table(session, line, shipped=True)
    session.work.run((folder / "cdc_functions.sql").read_text())
    engine.capture.jobs = ["capture", "cleanup"]
    engine.cdc_enabled = True
    return 0


@procedure("sp_cdc_disable_db")
def _disable_database(session: Session, _: Arguments, __: Parts) -> int:
    engine = session.engine
    if not engine.permissions.in_server_role(session.user, "sysadmin"):
        raise error(22902)
    if engine.cdc_enabled:
        for instance in list(session.work.capture.instances):
            instances.disable(session, instance)
        for name in _TABLES:
            tables.drop_table(session, session.work.table(f"cdc.{name}"))
        session.work.run("DELETE FROM catalog.schemas WHERE name = 'cdc'")
        engine.capture.jobs = []
        engine.cdc_enabled = False
    return 0


@procedure(
    "sp_cdc_enable_table",
    "source_schema source_name role_name capture_instance supports_net_changes index_name captured_column_list"
    " filegroup_name allow_partition_switch",
)
def _enable_table(session: Session, arguments: Arguments, _: Parts) -> int:
    must_own_enabled(session)
    net = arguments["supports_net_changes"]
    instances.enable(
        session,
        _source(session, arguments),
        instances.Wanted(
            name=arguments["capture_instance"],
            columns=arguments["captured_column_list"],
            role=arguments["role_name"],
            net=None if net is None else bool(int(net)),
            index=arguments["index_name"],
        ),
    )
    return 0


@procedure("sp_cdc_disable_table", "source_schema source_name capture_instance")
def _disable_table(session: Session, arguments: Arguments, _: Parts) -> int:
    must_own_enabled(session)
    table, wanted = _source(session, arguments), str(arguments.required("capture_instance"))
    of_table = session.work.capture.of_table(table.id)
    found = [instance for instance in of_table if wanted.lower() in ("all", instance.name.lower())]
    if not found:
        raise error(22960, wanted, f"{table.schema}.{table.name}")
    for instance in found:
        instances.disable(session, instance)
    return 0


@procedure("sp_cdc_cleanup_change_table", "capture_instance low_water_mark threshold")
def _clean_up(session: Session, arguments: Arguments, _: Parts) -> int:
    must_own_enabled(session)
    instance = _instance(session, arguments.required("capture_instance"))
    mark = arguments["low_water_mark"]
    if mark is not None and not session.work.rows("SELECT 1 FROM cdc.lsn_time_mapping WHERE start_lsn = ?", [mark]):
        raise error(22964, "0x" + mark.hex())
    session.work.capture.clean_up(instance, mark)
    return 0


@procedure("sp_cdc_help_change_data_capture", "source_schema source_name")
def _help(session: Session, arguments: Arguments, parts: Parts) -> int:
    if not session.engine.cdc_enabled:
        raise error(22901, session.work.database.name)
    rows = session.work.rows(
        "SELECT t.schema_name, t.name, c.capture_instance, c.object_id, c.source_object_id, c.start_lsn, c.end_lsn,"
        " c.supports_net_changes, c.has_drop_pending, c.role_name, c.index_name, c.filegroup_name, c.create_date,"
        " (SELECT string_agg(quotename(column_name), ', ' ORDER BY index_ordinal) FROM cdc.index_columns i"
        " WHERE i.object_id = c.object_id), (SELECT string_agg(quotename(column_name), ', ' ORDER BY column_ordinal)"
        " FROM cdc.captured_columns k WHERE k.object_id = c.object_id) FROM cdc.change_tables c"
        " JOIN catalog.tables t ON t.object_id = c.source_object_id"
        " WHERE lower(t.schema_name) = coalesce(lower(?), lower(t.schema_name))"
        " AND lower(t.name) = coalesce(lower(?), lower(t.name)) ORDER BY c.object_id",
        [arguments["source_schema"], arguments["source_name"]],
    )
    columns = (
        "source_schema sysname, source_table sysname, capture_instance sysname, object_id int, source_object_id int,"
        " start_lsn binary(10), end_lsn binary(10), supports_net_changes bit, has_drop_pending bit, role_name sysname,"
        " index_name sysname, filegroup_name sysname, create_date datetime, index_column_list nvarchar(max),"
        " captured_column_list nvarchar(max)"
    )
    parts.append(result(columns, rows))
    return 0


@procedure("sp_cdc_get_captured_columns", "capture_instance")
def _captured_columns(session: Session, arguments: Arguments, parts: Parts) -> int:
    instance = _instance(session, arguments.required("capture_instance"))
    described = [
        (None, None, instance.name, column.name, ordinal, column.type.name, column.type.facts[1], column.type.facts[2],
         column.type.facts[3], None)
        for ordinal, column in enumerate(instance.columns, start=1)
    ]  # fmt: skip
    columns = (
        "source_schema sysname, source_table sysname, capture_instance sysname, column_name sysname,"
        " column_ordinal int, data_type sysname, character_maximum_length int, numeric_precision tinyint,"
        " numeric_scale int, datetime_precision smallint"
    )
    parts.append(result(columns, described))
    return 0


@procedure("sp_cdc_get_ddl_history", "capture_instance")
def _ddl_history(session: Session, arguments: Arguments, parts: Parts) -> int:
    instance = _instance(session, arguments.required("capture_instance"))
    rows = session.work.rows(
        "SELECT t.schema_name, t.name, ?, required_column_update, ddl_command, ddl_lsn, ddl_time FROM cdc.ddl_history h"
        " JOIN catalog.tables t ON t.object_id = h.source_object_id WHERE h.object_id = ? ORDER BY ddl_lsn",
        [instance.name, instance.id],
    )
    columns = (
        "source_schema sysname, source_table sysname, capture_instance sysname, required_column_update bit,"
        " ddl_command nvarchar(max), ddl_lsn binary(10), ddl_time datetime"
    )
    parts.append(result(columns, rows))
    return 0


def must_own_enabled(session: Session) -> None:
    """Raise error 22904 or 22901 unless an owner asks, and the database has change data capture."""
    session.engine.permissions.must_own(session.user)
    if not session.engine.cdc_enabled:
        raise error(22901, session.work.database.name)


def _source(session: Session, arguments: Arguments) -> Table:
    schema, name = arguments.required("source_schema"), arguments.required("source_name")
    found = session.work.find(schema, name)
    if found is None:
        raise error(22931, f"{schema}.{name}")
    return found


def _instance(session: Session, name: str) -> Instance:
    found = session.work.capture.find(name)
    if found is None:
        raise error(22920, name, session.work.database.name)
    return found
