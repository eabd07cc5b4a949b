"""Looks at the tables: are they there, captured, and may they be read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from dstream_sdk import Finding
from mssql_cdc_provider.config import MssqlCdcConfig
from mssql_cdc_provider.names import Pattern, TableName, like, matching, picked
from mssql_cdc_provider.session import Session
from mssql_cdc_provider.sql_errors import Denied, Gone
from mssql_cdc_provider.tables import CaptureInstance, Table, read_instances, read_tables, table_names
from mssql_cdc_provider.tsql import Name, fill


@dataclass(frozen=True, slots=True)
class _Rights:
    """What `user` may read: tables, and capture instances by their table; `instances` None where it sees none."""

    user: str
    readable: set[TableName]
    roles: set[str]
    instances: dict[TableName, list[CaptureInstance]] | None


def table_findings(session: Session, config: MssqlCdcConfig) -> Iterator[Finding]:
    """For each pattern whether it means a table, and for each table whether its changes can be read."""
    names = table_names(session)
    ((user,),) = session.query("SELECT USER_NAME() AS user_name")
    for pattern in config.tables:
        if not matching(names, [pattern]):
            exact = Pattern(pattern).exact
            # The owner sees every table: what it does not see is not there.
            remedy = _grant(exact, user) if exact is not None and user != "dbo" else ""
            yield Finding("tables", False, f"`{pattern}` means no table that `{user}` may see", remedy, "tables")
    meant = matching(names, config.tables, config.exclude_tables)
    instances = _instances(session)
    if instances is None:
        remedy = f"GRANT SELECT ON SCHEMA::cdc TO {Name((user,))};"
        yield Finding("rights", False, f"`{user}` may not SELECT from schema `cdc`, where changes are kept", remedy)
    rights = _Rights(user, _readable(session, meant), _roles(session, instances), instances)
    for table in read_tables(session, meant):
        lacks = list(_lacks(table, rights, config))
        yield from lacks
        if not lacks and instances is not None:
            through = ", ".join(f"`{one.name}`" for one in instances[table.name])
            yield Finding(str(table.name), True, f"changes are read through {through}")


def _lacks(table: Table, rights: _Rights, config: MssqlCdcConfig) -> Iterator[Finding]:
    name = str(table.name)
    if table.name not in rights.readable:
        yield Finding(name, False, f"`{rights.user}` may not SELECT from it", _grant(table.name, rights.user))
    if not table.captured:
        yield Finding(name, False, "its changes are not captured", _capture(table.name))
        return
    if rights.instances is None:
        return
    instances = rights.instances[table.name]
    if not instances:
        start = "EXEC sys.sp_cdc_start_job @job_type = N'capture';"
        yield Finding(name, False, "its capture instance has not begun: the log was not scanned since", start)
        return
    served = [one for one in instances if like(one.name, config.capture_instances)]
    if not served:
        yield Finding(name, False, "`capture_instances` means none of its instances", field="capture_instances")
        return
    for role in sorted({one.role for one in served if one.role is not None} - rights.roles):
        remedy = f"ALTER ROLE {Name((role,))} ADD MEMBER {Name((rights.user,))};"
        yield Finding(name, False, f"`{rights.user}` is not in role `{role}`, which may read its changes", remedy)
    captured = {column.name.lower() for one in served for column in one.columns}
    for column in picked(config.columns, table.name) or []:
        if column.lower() not in captured:
            yield Finding(
                name, False, f"column `{column}` is not captured", _recapture(table, served, column), "columns"
            )


def _capture(table: TableName) -> str:
    return fill(
        "EXEC sys.sp_cdc_enable_table @source_schema = {schema}, @source_name = {name}, @role_name = NULL;",
        {"schema": table.schema, "name": table.name},
    )


def _recapture(table: Table, instances: list[CaptureInstance], column: str) -> str:
    """A second instance with the column; "" where the table has no such column, or two instances already."""
    if column.lower() not in {one.name.lower() for one in table.columns} or len(instances) > 1:
        return ""
    return fill(
        "EXEC sys.sp_cdc_enable_table @source_schema = {schema}, @source_name = {name}, "
        "@capture_instance = {instance}, @role_name = {role};",
        {
            "schema": table.name.schema,
            "name": table.name.name,
            "instance": f"{instances[0].name}_2",
            "role": instances[0].role,
        },
    )


def _grant(table: TableName, user: str) -> str:
    return f"GRANT SELECT ON {table.sql} TO {Name((user,))};"


def _readable(session: Session, tables: list[TableName]) -> set[TableName]:
    ask = "SELECT HAS_PERMS_BY_NAME({table}, N'OBJECT', N'SELECT') AS may"
    return {table for table in tables if session.query(ask, table=str(table.sql)) == [(1,)]}


def _instances(session: Session) -> dict[TableName, list[CaptureInstance]] | None:
    found: dict[TableName, list[CaptureInstance]] = defaultdict(list)
    try:
        for instance in read_instances(session):
            found[instance.table].append(instance)
    except Gone:
        return found
    except Denied:
        return None
    return found


def _roles(session: Session, instances: dict[TableName, list[CaptureInstance]] | None) -> set[str]:
    """Of the roles that may read changes those that the user is in; the owner of the database is in all."""
    asked = {one.role for some in (instances or {}).values() for one in some if one.role is not None}
    ask = "SELECT 1 AS member WHERE IS_ROLEMEMBER({role}) = 1 OR IS_ROLEMEMBER(N'db_owner') = 1"
    return {role for role in asked if session.query(ask, role=role)}
