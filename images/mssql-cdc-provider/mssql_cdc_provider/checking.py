"""Everything that a run needs, looked at in one go; each lack with the T-SQL that mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from dstream_sdk import Finding
from mssql_cdc_provider.checking_capture import capture_findings
from mssql_cdc_provider.checking_tables import table_findings
from mssql_cdc_provider.config import MssqlCdcConfig
from mssql_cdc_provider.session import Session
from mssql_cdc_provider.sql_errors import LoginFailed, Lost, SqlError
from mssql_cdc_provider.tsql import Name, fill, quoted

_WITHOUT_CDC = {4: "Express", 6: "Azure Synapse", 11: "Azure Synapse serverless"}
"""Engine editions (`SERVERPROPERTY('EngineEdition')`) that have no change data capture."""


def check(session: Session, config: MssqlCdcConfig) -> Iterator[Finding]:
    """One finding for each thing looked at. Without a connection there is nothing more to look at.

    A look that fails is a finding itself and keeps no other from being taken.
    """
    try:
        session.query("SELECT 1 AS one")
    except SqlError as error:
        yield Finding("connection", False, str(error), _way_in(session, error), "connection_string")
        return
    yield Finding("connection", True, f"connected to {session.target.server} as `{session.target.user}`")
    looks: tuple[tuple[str, Callable[[Session, MssqlCdcConfig], Iterable[Finding]]], ...] = (
        ("edition", _edition),
        ("database", _database),
        ("tables", table_findings),
        ("capture", capture_findings),
    )
    for name, look in looks:
        try:
            yield from look(session, config)
        except SqlError as error:
            yield Finding(name, False, str(error))


def _way_in(session: Session, error: SqlError) -> str:
    target = session.target
    names: dict[str, object] = {"user": Name((target.user,)), "database": Name((target.database,))}
    if isinstance(error, LoginFailed):
        return fill(
            "CREATE LOGIN {user} WITH PASSWORD = N'…'; USE {database}; CREATE USER {user} FOR LOGIN {user};\n"
            "-- where the login exists: ALTER LOGIN {user} ENABLE; ALTER LOGIN {user} WITH PASSWORD = N'…';",
            names,
        )
    if error.number == 4060:
        return fill(
            "ALTER DATABASE {database} SET ONLINE; USE {database}; CREATE USER {user} FOR LOGIN {user};\n"
            "-- each where it applies: the database is offline, or the login has no user in it",
            names,
        )
    if isinstance(error, Lost) and target.verify and "certificate" in error.message:
        return "HostNameInCertificate=… in the connection string, or the authority's file named in SSL_CERT_FILE"
    if isinstance(error, Lost):
        return (
            "-- at the server, where it listens:\n"
            "SELECT ip_address, port, state_desc FROM sys.dm_tcp_listener_states WHERE type_desc = N'TSQL';"
        )
    return ""


def _edition(session: Session, _config: MssqlCdcConfig) -> Iterator[Finding]:
    ((edition, version),) = session.query(
        "SELECT CAST(SERVERPROPERTY('EngineEdition') AS int) AS edition, "
        "CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)) AS version"
    )
    without = _WITHOUT_CDC.get(edition)
    if without is not None:
        yield Finding("edition", False, f"the {without} edition has no change data capture")
    else:
        yield Finding("edition", True, f"version {version}")


def _database(session: Session, config: MssqlCdcConfig) -> Iterator[Finding]:
    ((name, enabled, snapshots),) = session.query(
        "SELECT name, is_cdc_enabled, snapshot_isolation_state FROM sys.databases WHERE name = DB_NAME()"
    )
    if enabled:
        yield Finding("database", True, f"change data capture of `{name}` is enabled")
    else:
        remedy = f"USE {quoted(name)}; EXEC sys.sp_cdc_enable_db;"
        yield Finding("database", False, f"change data capture of `{name}` is not enabled", remedy)
    if config.snapshot.mode == "no_data":
        return
    allow = f"ALTER DATABASE {quoted(name)} SET ALLOW_SNAPSHOT_ISOLATION ON;"
    if snapshots == 1:
        yield Finding("snapshot", True, "snapshot isolation is allowed")
    elif config.snapshot.isolation == "snapshot":
        yield Finding("snapshot", False, "snapshot isolation is not allowed", allow, "snapshot")
    elif config.snapshot.isolation == "auto":
        yield Finding("snapshot", True, "rows are read range by range; snapshot isolation would be faster", allow)
