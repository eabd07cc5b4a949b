"""Looks at what puts changes into the change tables: the Agent, the capture job, its last scan."""

from __future__ import annotations

from collections.abc import Iterator

from dstream_sdk import Finding
from mssql_cdc_provider.config import MssqlCdcConfig
from mssql_cdc_provider.session import Session
from mssql_cdc_provider.sql_errors import Denied, Gone
from mssql_cdc_provider.tsql import Name, fill

_AZURE_SQL_DATABASE = 5
"""The engine edition that scans by itself, without an Agent."""


def capture_findings(session: Session, _config: MssqlCdcConfig) -> Iterator[Finding]:
    """Whether changes come in. What the login may not see counts as no lack, and how to let it is said."""
    ((enabled, edition, user),) = session.query(
        "SELECT is_cdc_enabled, CAST(SERVERPROPERTY('EngineEdition') AS int) AS edition, USER_NAME() AS user_name "
        "FROM sys.databases WHERE name = DB_NAME()"
    )
    if edition != _AZURE_SQL_DATABASE:
        yield _agent(session)
    if not enabled:
        return
    yield _job(session)
    yield _scans(session, user)
    ((newest,),) = session.query("SELECT sys.fn_cdc_get_max_lsn() AS newest")
    if newest is None:
        start = "EXEC sys.sp_cdc_start_job @job_type = N'capture';"
        yield Finding("position", False, "no scan of the log has found a transaction to keep yet", start)
    else:
        yield Finding("position", True, f"changes were captured up to {bytes(newest).hex()}")


def _agent(session: Session) -> Finding:
    try:
        rows = session.query(
            "SELECT status_desc FROM sys.dm_server_services WHERE servicename LIKE N'SQL Server Agent%'"
        )
    except Denied:
        remedy = fill("USE master; GRANT VIEW SERVER STATE TO {login};", {"login": Name((session.target.user,))})
        return Finding("agent", True, "whether SQL Server Agent runs may not be seen", remedy)
    states = [str(state) for (state,) in rows]
    if "Running" in states:
        return Finding("agent", True, "SQL Server Agent runs")
    remedy = "EXEC master.dbo.xp_servicecontrol N'START', N'SQLServerAgent';"
    return Finding("agent", False, "SQL Server Agent does not run: no change is captured", remedy)


def _job(session: Session) -> Finding:
    try:
        page = session.page("EXEC sys.sp_cdc_help_jobs")
    except Denied:
        return Finding("job", True, "the capture job may not be seen, which only `db_owner` may")
    except Gone:
        return Finding("job", False, "the capture job is missing", "EXEC sys.sp_cdc_add_job @job_type = N'capture';")
    kinds = {dict(zip(page.columns, row, strict=True))["job_type"] for row in page.rows}
    if "capture" not in kinds:
        return Finding("job", False, "the capture job is missing", "EXEC sys.sp_cdc_add_job @job_type = N'capture';")
    return Finding("job", True, "the capture job is there")


def _scans(session: Session, user: str) -> Finding:
    try:
        rows = session.query(
            "SELECT TOP (1) session_id, error_count, DATEDIFF(second, end_time, GETDATE()) AS idle_s, scan_phase "
            "FROM sys.dm_cdc_log_scan_sessions WHERE session_id > 0 ORDER BY session_id DESC"
        )
    except Denied:
        remedy = fill("GRANT VIEW DATABASE STATE TO {user};", {"user": Name((user,))})
        return Finding(
            "scan", True, "the scans of the log may not be seen: a stopped job will look like silence", remedy
        )
    start = "EXEC sys.sp_cdc_start_job @job_type = N'capture';"
    if not rows:
        return Finding("scan", False, "the capture job has not scanned since the server started", start)
    ((_, errors, idle_s, phase),) = rows
    if errors:
        said = f"{start}\n-- what they were is in sys.dm_cdc_errors"
        return Finding("scan", False, f"the last scan of the log ended with {errors} errors", said)
    if phase == "Aborted":
        return Finding("scan", False, "the last scan of the log was aborted", start)
    return Finding(
        "scan", True, "the log is being scanned" if idle_s is None else f"the log was scanned {idle_s} s ago"
    )
