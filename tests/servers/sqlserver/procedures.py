"""The system procedures, and how a request comes to one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pysqlbridge.tds.result import Query

from tests.servers.sqlserver import definitions, instances
from tests.servers.sqlserver.answers import ResultSet, RowCount
from tests.servers.sqlserver.batches import Exec
from tests.servers.sqlserver.datatypes import data_type
from tests.servers.sqlserver.errors import error

if TYPE_CHECKING:
    from tests.servers.sqlserver.sessions import Session

Arguments = dict[str, Any]
Parts = list[ResultSet | RowCount]
Procedure = Callable[["Session", Arguments, Parts], int]
_PROCEDURES: dict[str, tuple[tuple[str, ...], Procedure]] = {}


def procedure(name: str, *parameters: str) -> Callable[[Procedure], Procedure]:
    """Register a procedure with the names of its parameters, in their order."""

    def register(function: Procedure) -> Procedure:
        _PROCEDURES[name] = parameters, function
        return function

    return register


def request(session: Session, query: Query, parts: Parts) -> None:
    """Run what a client sent: a batch, a parametrised statement, or a procedure called by name."""
    if query.procedure is None:
        session.set_variables(query.parameters)
        session.batch(query.sql, parts)
        return
    name = query.procedure.lower().split(".")[-1].strip("[]")
    if name in ("sp_prepexec", "sp_prep_exec"):
        declared, sql = query.arguments[1] or "", str(query.arguments[2])
        session.set_variables(dict(zip(re.findall(r"@\w+", str(declared)), query.arguments[3:], strict=False)))
        session.batch(sql, parts)
        return
    named = {key.lstrip("@").lower(): value for key, value in query.parameters.items()}
    _call(session, name, query.arguments, named, parts)


def execute(session: Session, statement: Exec, parts: Parts) -> None:
    """`EXEC @rc = procedure @a = 1, …`."""
    name = statement.procedure.lower().split(".")[-1]
    named, positional, outputs = {}, [], {}
    for parameter, text, output in statement.arguments:
        value = (
            None
            if text.upper() == "DEFAULT"
            else text
            if re.fullmatch(r"[A-Za-z_]\w*", text) and text.upper() != "NULL"
            else session.value(text)
        )
        if parameter is None:
            positional.append(value)
        else:
            named[parameter] = value
            if output:
                outputs[parameter] = text.lstrip("@")
    code = _call(session, name, positional, named, parts)
    if statement.result:
        session.assign(statement.result, code)
    for parameter, variable in outputs.items():
        session.assign(variable, named.get(parameter))


def _call(session: Session, name: str, positional: list[Any], named: Arguments, parts: Parts) -> int:
    if name not in _PROCEDURES:
        raise error(2812, name)
    parameters, function = _PROCEDURES[name]
    if name == "sp_executesql":
        named = {**named, **{f"#{at}": value for at, value in enumerate(positional[2:])}}
        positional = positional[:2]
    if len(positional) > len(parameters):
        raise error(8144, name)
    named.update(zip(parameters, positional, strict=False))
    return function(session, named, parts)


def required(arguments: Arguments, procedure_name: str, parameter: str) -> Any:
    if arguments.get(parameter) is None:
        raise error(201, procedure_name, f"@{parameter}")
    return arguments[parameter]


def result(columns: str, rows: list[Any]) -> ResultSet:
    """A result set of `name type, name type`."""
    described = [column.strip().split(" ", 1) for column in re.split(r",(?![^(]*\))", columns)]
    return ResultSet([(name, data_type(kind).on_the_wire) for name, kind in described], rows)


@procedure("sp_executesql", "stmt", "params")
def _sp_executesql(session: Session, arguments: Arguments, parts: Parts) -> int:
    names = re.findall(r"@(\w+)", arguments.get("params") or "")
    values = {
        key: value for key, value in arguments.items() if key not in ("stmt", "params") and not key.startswith("#")
    }
    values |= {name: arguments[f"#{at}"] for at, name in enumerate(names) if f"#{at}" in arguments}
    session.set_variables(values)
    session.batch(str(arguments.get("stmt") or arguments.get("statement")), parts)
    return 0


@procedure("sp_rename", "objname", "newname", "objtype")
def _sp_rename(session: Session, arguments: Arguments, parts: Parts) -> int:
    definitions.rename(session, arguments["objname"], arguments["newname"], arguments.get("objtype"))
    return 0


@procedure("sp_getapplock", "resource", "lockmode", "lockowner", "locktimeout", "dbprincipal")
def _sp_getapplock(session: Session, arguments: Arguments, parts: Parts) -> int:
    owner = arguments.get("lockowner") or "Transaction"
    if owner.lower() == "transaction" and not session.depth:
        return -999
    milliseconds = arguments.get("locktimeout")
    timeout = session.lock_timeout if milliseconds is None or int(milliseconds) < 0 else int(milliseconds) / 1000
    if owner.lower() == "transaction":
        session.begin()
    return session.engine.locks.get(
        session.spid, arguments["resource"], arguments["lockmode"], owner, timeout, session.closed
    )


@procedure("sp_releaseapplock", "resource", "lockowner", "dbprincipal")
def _sp_releaseapplock(session: Session, arguments: Arguments, parts: Parts) -> int:
    code = session.engine.locks.release(
        session.spid, arguments["resource"], arguments.get("lockowner") or "Transaction"
    )
    if code < 0:
        raise error(1223, arguments["resource"])
    return code


@procedure("sp_cdc_enable_db")
def _enable_db(session: Session, arguments: Arguments, parts: Parts) -> int:
    session.engine.permissions.must_own(session.user)
    if session.engine.cdc_enabled:
        raise error(22905, session.database.name)
    from importlib import resources  # noqa: PLC0415

    session.add_schema("cdc")
    for line in (resources.files("tests.servers.sqlserver") / "cdc.sql").read_text().splitlines():
        if line.startswith("CREATE"):
            definitions.create_table(session, line, shipped=True)
    session.run((resources.files("tests.servers.sqlserver") / "cdc_functions.sql").read_text())
    session.engine.set_cdc_enabled(True)
    return 0


@procedure("sp_cdc_disable_db")
def _disable_db(session: Session, arguments: Arguments, parts: Parts) -> int:
    session.engine.permissions.must_own(session.user)
    if session.engine.cdc_enabled:
        for instance in list(session.capture.instances):
            instances.disable(session, instance)
        for name in ("change_tables", "captured_columns", "index_columns", "ddl_history", "lsn_time_mapping"):
            definitions.drop_table(session, session.table(f"cdc.{name}"))
        session.run("DELETE FROM catalog.schemas WHERE name = 'cdc'")
        session.engine.set_cdc_enabled(False)
    return 0


@procedure(
    "sp_cdc_enable_table",
    "source_schema",
    "source_name",
    "role_name",
    "capture_instance",
    "supports_net_changes",
    "index_name",
    "captured_column_list",
    "filegroup_name",
    "allow_partition_switch",
)
def _enable_table(session: Session, arguments: Arguments, parts: Parts) -> int:
    session.engine.permissions.must_own(session.user)
    schema, name = (required(arguments, "sp_cdc_enable_table", each) for each in ("source_schema", "source_name"))
    if not session.engine.cdc_enabled:
        raise error(22901, session.database.name)
    table = session.find(schema, name)
    if table is None:
        raise error(22931, f"{schema}.{name}")
    net = arguments.get("supports_net_changes")
    instances.enable(
        session, table, arguments.get("capture_instance"), arguments.get("captured_column_list"), arguments.get("role_name"),
        None if net is None else bool(int(net)), arguments.get("index_name"),
    )  # fmt: skip
    return 0


@procedure("sp_cdc_disable_table", "source_schema", "source_name", "capture_instance")
def _disable_table(session: Session, arguments: Arguments, parts: Parts) -> int:
    session.engine.permissions.must_own(session.user)
    full = f"{arguments['source_schema']}.{arguments['source_name']}"
    table = session.find(arguments["source_schema"], arguments["source_name"])
    wanted = str(required(arguments, "sp_cdc_disable_table", "capture_instance"))
    found = [
        instance for instance in session.capture.of_table(table.id if table else 0)
        if wanted.lower() in ("all", instance.name.lower())
    ]  # fmt: skip
    if not found:
        raise error(22960, wanted, full)
    for instance in found:
        instances.disable(session, instance)
    return 0


@procedure("sp_cdc_cleanup_change_table", "capture_instance", "low_water_mark", "threshold")
def _cleanup(session: Session, arguments: Arguments, parts: Parts) -> int:
    session.engine.permissions.must_own(session.user)
    instance = session.capture.find(required(arguments, "sp_cdc_cleanup_change_table", "capture_instance"))
    if instance is None:
        raise error(22920, arguments["capture_instance"], session.database.name)
    mark = arguments.get("low_water_mark")
    if mark is not None and not session.rows("SELECT 1 FROM cdc.lsn_time_mapping WHERE start_lsn = ?", [mark]):
        raise error(22964, "0x" + mark.hex())
    session.capture.clean_up(instance, mark)
    return 0


@procedure("sp_cdc_help_change_data_capture", "source_schema", "source_name")
def _help(session: Session, arguments: Arguments, parts: Parts) -> int:
    if not session.engine.cdc_enabled:
        raise error(22901, session.database.name)
    rows = session.rows(
        "SELECT t.schema_name, t.name, c.capture_instance, c.object_id, c.source_object_id, c.start_lsn, c.end_lsn,"
        " c.supports_net_changes, c.has_drop_pending, c.role_name, c.index_name, c.filegroup_name, c.create_date,"
        " (SELECT string_agg('[' || column_name || ']', ', ' ORDER BY index_ordinal) FROM cdc.index_columns i"
        " WHERE i.object_id = c.object_id), (SELECT string_agg('[' || column_name || ']', ', ' ORDER BY column_ordinal)"
        " FROM cdc.captured_columns k WHERE k.object_id = c.object_id) FROM cdc.change_tables c"
        " JOIN catalog.tables t ON t.object_id = c.source_object_id WHERE (? IS NULL OR lower(t.schema_name) = lower(?))"
        " AND (? IS NULL OR lower(t.name) = lower(?)) ORDER BY c.object_id",
        [arguments.get("source_schema")] * 2 + [arguments.get("source_name")] * 2,
    )
    parts.append(result(
        "source_schema sysname, source_table sysname, capture_instance sysname, object_id int, source_object_id int,"
        " start_lsn binary(10), end_lsn binary(10), supports_net_changes bit, has_drop_pending bit, role_name sysname,"
        " index_name sysname, filegroup_name sysname, create_date datetime, index_column_list nvarchar(max),"
        " captured_column_list nvarchar(max)", rows,
    ))  # fmt: skip
    return 0
