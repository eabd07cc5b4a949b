"""What is there in the database of all that `init` may make."""

from __future__ import annotations

from dataclasses import dataclass, field

from mssql_cdc_provider.names import TableName
from mssql_cdc_provider.session import Session
from mssql_cdc_provider.sql_errors import Denied


@dataclass(frozen=True, slots=True)
class Instance:
    """`start_lsn` is None for one that no scan of the log has met yet."""

    name: str
    table: TableName
    object_id: int
    start_lsn: bytes | None


@dataclass(frozen=True, slots=True)
class Present:
    """`roles` by name with their ids; `retention_minutes` None where there is no clean-up job or it may not be seen."""

    database: str
    cdc_enabled: bool
    roles: dict[str, int]
    members: set[tuple[str, str]]
    grants: set[tuple[TableName, str]]
    cdc_readers: set[str]
    instances: dict[str, Instance] = field(default_factory=dict)
    retention_minutes: int | None = None


def read_present(session: Session) -> Present:
    """Everything as it is now."""
    (row,) = session.query("SELECT name, is_cdc_enabled FROM sys.databases WHERE name = DB_NAME()")
    roles = session.query("SELECT name, principal_id FROM sys.database_principals WHERE type = 'R'")
    members = session.query(
        "SELECT r.name AS role_name, u.name AS user_name FROM sys.database_role_members AS m "
        "JOIN sys.database_principals AS r ON r.principal_id = m.role_principal_id "
        "JOIN sys.database_principals AS u ON u.principal_id = m.member_principal_id"
    )
    grants = session.query(
        "SELECT s.name AS schema_name, t.name AS table_name, g.name AS grantee FROM sys.database_permissions AS p "
        "JOIN sys.tables AS t ON t.object_id = p.major_id JOIN sys.schemas AS s ON s.schema_id = t.schema_id "
        "JOIN sys.database_principals AS g ON g.principal_id = p.grantee_principal_id "
        "WHERE p.class = 1 AND p.minor_id = 0 AND p.permission_name = N'SELECT' AND p.state IN ('G', 'W')"
    )
    readers = session.query(
        "SELECT g.name AS grantee FROM sys.database_permissions AS p "
        "JOIN sys.schemas AS s ON s.schema_id = p.major_id "
        "JOIN sys.database_principals AS g ON g.principal_id = p.grantee_principal_id "
        "WHERE p.class = 3 AND s.name = N'cdc' AND p.permission_name = N'SELECT' AND p.state IN ('G', 'W')"
    )
    enabled = bool(row[1])
    return Present(
        database=row[0],
        cdc_enabled=enabled,
        roles=dict(roles),
        members=set(members),
        grants={(TableName(schema, table), grantee) for schema, table, grantee in grants},
        cdc_readers={grantee for (grantee,) in readers},
        instances=_instances(session) if enabled else {},
        retention_minutes=retention_minutes(session) if enabled else None,
    )


def retention_minutes(session: Session) -> int | None:
    """For how long changes are kept; None where no clean-up job is or the login may not see it."""
    try:
        page = session.page("EXEC sys.sp_cdc_help_jobs")
    except Denied:
        return None
    jobs = [dict(zip(page.columns, row, strict=True)) for row in page.rows]
    return next((job["retention"] for job in jobs if job["job_type"] == "cleanup"), None)


def _instances(session: Session) -> dict[str, Instance]:
    page = session.page("EXEC sys.sp_cdc_help_change_data_capture")
    rows = [dict(zip(page.columns, row, strict=True)) for row in page.rows]
    return {
        row["capture_instance"]: Instance(
            row["capture_instance"],
            TableName(row["source_schema"], row["source_table"]),
            row["object_id"],
            row["start_lsn"],
        )
        for row in rows
    }
