"""Views whose rows are facts of the moment, and what a login may see of the others.

"sys.dm_cdc_log_scan_sessions", "sys.dm_cdc_errors", "sys.dm_server_services", "msdb.dbo.cdc_jobs", "dbo.sysjobs",
"dbo.sysjobactivity", "sys.dm_exec_sessions"; "Metadata visibility configuration".
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.servers.sqlserver.errors import error
from tests.servers.sqlserver.literals import literal

if TYPE_CHECKING:
    from tests.servers.sqlserver.sessions import Session

Rows = list[dict[str, Any]]

_BY_OBJECT = ("tables", "objects", "columns", "all_columns", "indexes", "index_columns", "partitions")
_JOBS = {kind: uuid.uuid5(uuid.NAMESPACE_DNS, f"{kind}.cdc.test") for kind in ("capture", "cleanup")}


def live_view(session: Session, schema: str, name: str) -> str | None:
    """The DuckDB query for a view of this name, if what it shows depends on the moment or on who asks."""
    if (schema, name) in _VIEWS:
        rows, permission = _VIEWS[schema, name]
        if permission and not session.engine.permissions.has(session.user, None, None, permission):
            raise error(*_denied(session, permission, name))
        return _query(rows(session))
    if schema == "sys" and name in _BY_OBJECT and not session.engine.permissions.owns(session.user):
        seen = [table.id for table in session.work.tables() if session.engine.permissions.sees(session.user, table)]
        return f"SELECT * FROM sys.{name} WHERE object_id IN ({', '.join(map(str, [0, *seen]))})"
    return None


def _denied(session: Session, permission: str, name: str) -> tuple[Any, ...]:
    if permission == "VIEW SERVER STATE":
        return (300, permission, "server", "master")
    if permission == "VIEW DATABASE STATE":
        return (262, permission, session.work.database.name)
    return (229, "SELECT", name, "msdb", "dbo")


def _query(rows: Rows) -> str:
    """Rows as a query; the first of them only names the columns and their types."""
    columns = ", ".join(f'"{column}"' for column in rows[0])
    lines = ["(" + ", ".join(literal(value).sql("duckdb") for value in row.values()) + ")" for row in rows]
    numbered = [f"({at}, {line[1:]}" for at, line in enumerate(lines)]
    return f'SELECT {columns} FROM (VALUES {", ".join(numbered)}) AS v("#", {columns}) WHERE "#" > 0'


def _scans(session: Session) -> Rows:
    """One row for the last scan that found something and the empty ones since, and the sum as session 0."""
    capture, database = session.work.capture, session.work.database
    scan = capture.last_scan()
    row = {
        "session_id": scan.number,
        "start_time": scan.began,
        "end_time": scan.ended,
        "duration": 0,
        "scan_phase": "Done" if capture.running else "Aborted",
        "error_count": len(capture.errors),
        "tran_count": scan.transactions,
        "log_record_count": scan.rows,
        "command_count": scan.rows,
        "schema_change_count": 0,
        "last_commit_time": scan.committed or database.now(),
        "latency": int(capture.lag),
        "empty_scan_count": scan.empty,
        "failed_sessions_count": len(capture.errors),
    }
    return [row, row | {"session_id": 0}, *([row] if scan.number else [])]


def _errors(session: Session) -> Rows:
    now = session.work.database.now()
    model = {
        "session_id": 1,
        "phase_number": 1,
        "entry_time": now,
        "error_number": 0,
        "error_severity": 16,
        "error_state": 1,
        "error_message": "",
    }
    return [model, *(model | {"error_number": number, "error_message": words} for number, words in
                     session.work.capture.errors)]  # fmt: skip


def _services(session: Session) -> Rows:
    def service(name: str, running: bool) -> dict[str, Any]:
        status = (4, "Running") if running else (1, "Stopped")
        return {
            "servicename": f"{name} (MSSQLSERVER)",
            "startup_type_desc": "Automatic",
            "status": status[0],
            "status_desc": status[1],
        }

    agent = session.work.capture.agent
    return [service("", True), service("SQL Server", True), service("SQL Server Agent", agent)]


def _cdc_jobs(session: Session) -> Rows:
    capture = session.work.capture
    model = {
        "database_id": 5,
        "job_type": "capture",
        "job_id": _JOBS["capture"],
        "maxtrans": 500,
        "maxscans": 10,
        "continuous": True,
        "pollinginterval": int(capture.polling_interval),
        "retention": 0,
        "threshold": 0,
    }
    cleanup = {
        "job_type": "cleanup",
        "job_id": _JOBS["cleanup"],
        "retention": int(capture.retention.total_seconds() // 60),
        "threshold": 5000,
        **dict.fromkeys(("maxtrans", "maxscans", "pollinginterval"), 0),
        "continuous": False,
    }
    rows = {"capture": model, "cleanup": model | cleanup}
    return [model, *(rows[kind] for kind in capture.jobs)]


def _jobs(session: Session) -> Rows:
    rows = [{"job_id": _JOBS[kind], "name": f"cdc.{session.work.database.name}_{kind}", "enabled": 1} for kind in _JOBS]
    return [rows[0], *(row for row, kind in zip(rows, _JOBS, strict=True) if kind in session.work.capture.jobs)]


def _activity(session: Session) -> Rows:
    capture, now = session.work.capture, session.work.database.now()
    stopped = None if capture.running else now
    row = {
        "session_id": 1,
        "job_id": _JOBS["capture"],
        "start_execution_date": now,
        "stop_execution_date": stopped,
        "run_requested_date": now,
    }
    return [row | {"stop_execution_date": now}, row]


def _sessions(session: Session) -> Rows:
    row = {
        "session_id": session.spid,
        "login_name": session.user,
        "status": "running",
        "is_user_process": True,
        "open_transaction_count": session.work.depth,
    }
    return [row, *(row | {"session_id": spid} for spid in session.engine.spids)]


_VIEWS: dict[tuple[str, str], tuple[Callable[[Session], Rows], str | None]] = {
    ("sys", "dm_cdc_log_scan_sessions"): (_scans, "VIEW DATABASE STATE"),
    ("sys", "dm_cdc_errors"): (_errors, "VIEW DATABASE STATE"),
    ("sys", "dm_server_services"): (_services, "VIEW SERVER STATE"),
    ("sys", "dm_exec_sessions"): (_sessions, None),
    ("msdb", "cdc_jobs"): (_cdc_jobs, "SELECT ON MSDB"),
    ("msdb", "sysjobs"): (_jobs, "SELECT ON MSDB"),
    ("msdb", "sysjobactivity"): (_activity, "SELECT ON MSDB"),
}
