"""A session's variables, and the functions whose answer depends on the session or on the moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.servers.sqlserver.datatypes import DataType, data_type
from tests.servers.sqlserver.errors import QueryError, error

if TYPE_CHECKING:
    from tests.servers.sqlserver.sessions import Session

_ANY = data_type("sql_variant")


class Variables:
    """`@name`, each with its declared type, and `@@name`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._values: dict[str, tuple[DataType, Any]] = {}

    def clear(self) -> None:
        self._values.clear()

    def declare(self, name: str, kind: str) -> None:
        self._values[name.lower()] = data_type(kind), None

    def receive(self, values: dict[str, Any]) -> None:
        """The parameters that came with a request."""
        self._values |= {name.lstrip("@").lower(): (_ANY, value) for name, value in values.items()}

    def assign(self, name: str, value: Any) -> None:
        """Set a variable, as its declared type has it. Raises error 137 if it is not declared."""
        if name.lower() not in self._values:
            raise error(137, f"@{name}")
        kind = self._values[name.lower()][0]
        if value is not None and kind is not _ANY:
            [(value,)] = self._session.work.rows(f"SELECT {kind.assigned('$1')}", [value])
        self._values[name.lower()] = kind, value

    def __getitem__(self, name: str) -> Any:
        if name.lower() not in self._values:
            raise error(137, f"@{name}")
        return self._values[name.lower()][1]

    def of_server(self, name: str) -> object:
        """`@@name`."""
        session = self._session
        known: dict[str, object] = {
            "spid": session.spid,
            "trancount": session.work.depth,
            "rowcount": session.row_count,
            "servername": "emulator",
            "error": session.error_number,
            "lock_timeout": -1 if session.lock_timeout is None else int(session.lock_timeout * 1000),
            "version": "Microsoft SQL Server 2022 (emulated for tests)",
            "max_precision": 38,
        }
        if name.lower() not in known:
            raise error(137, f"@@{name}")
        return known[name.lower()]


class Functions:
    """The functions of a session, by name in small letters."""

    def __init__(self, session: Session) -> None:
        engine, database = session.engine, session.work.database
        permissions, locks, spid = engine.permissions, engine.locks, session.spid

        def caught(of: Callable[[QueryError], object]) -> Callable[[], object]:
            return lambda: of(session.caught) if session.caught else None

        self.plain: dict[str, Callable[[], object]] = {
            **dict.fromkeys(("getdate", "sysdatetime", "current_timestamp"), database.now),
            **dict.fromkeys(("getutcdate", "sysutcdatetime"), database.utc_now),
            **dict.fromkeys(("suser_sname", "suser_name", "original_login", "system_user"), lambda: session.user),
            **dict.fromkeys(("user_name", "current_user", "session_user"), lambda: permissions.user_of(session.user)),
            "sysdatetimeoffset": lambda: _with_offset(database.utc_now(), database.utc_offset),
            "db_name": lambda: database.name,
            "host_name": lambda: "client",
            "app_name": lambda: "client",
            "xact_state": lambda: int(session.work.depth > 0),
            "error_number": caught(lambda failure: failure.number),
            "error_message": caught(str),
            "error_severity": caught(lambda failure: failure.severity),
            "error_state": caught(lambda failure: failure.state),
        }
        self.of_values: dict[str, Callable[..., object]] = {
            "has_perms_by_name": lambda *words: permissions.has(session.user, *words),
            "is_srvrolemember": lambda role, of=None: permissions.in_server_role(of or session.user, role),
            "is_rolemember": lambda role, of=None: permissions.in_role(of or session.user, role),
            "is_member": lambda role: permissions.in_role(session.user, role),
            "has_dbaccess": lambda name: int(name.lower() in (database.name.lower(), "master", "msdb")),
            "applock_mode": lambda _principal, resource, owner: locks.mode(spid, resource, owner),
            "applock_test": lambda _principal, resource, mode, _owner: int(locks.free(spid, resource, mode)),
        }


def _with_offset(utc: dt.datetime, offset: dt.timedelta) -> str:
    """A moment as the store keeps `datetimeoffset`."""
    return f"{utc.isoformat(' ', 'microseconds')} {int(offset.total_seconds() // 60):+d}"
