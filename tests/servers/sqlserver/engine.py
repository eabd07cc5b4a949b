"""All that the sessions of one emulated server share."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

from tests.servers.sqlserver import cdc_procedures, job_procedures, procedures
from tests.servers.sqlserver.answers import Kept
from tests.servers.sqlserver.applocks import ApplicationLocks
from tests.servers.sqlserver.capture import Capture
from tests.servers.sqlserver.database import Database
from tests.servers.sqlserver.permissions import Permissions
from tests.servers.sqlserver.sessions import Session

PROCEDURES = (cdc_procedures, job_procedures, procedures)  # which register themselves when they are loaded
_OPTIONS = {
    "snapshot_isolation_state": (r"ALLOW_SNAPSHOT_ISOLATION\s+(?:(ON)|OFF)", int),
    "is_read_committed_snapshot_on": (r"READ_COMMITTED_SNAPSHOT\s+(?:(ON)|OFF)", bool),
    "is_read_only": (r"SET\s+(?:(READ_ONLY)|READ_WRITE)", bool),
}


class Engine:
    """One database, its jobs, its locks and its permissions."""

    def __init__(self, database: str, user: str, password: str, data: Path | None = None) -> None:
        self.database = Database(database, data)
        self.capture = Capture(self.database)
        self.locks = ApplicationLocks()
        self.permissions = Permissions(self.database, user, password)
        self.kept = Kept()
        self.spids: set[int] = set()
        self._next_spid = itertools.count(51)

    def session(self) -> Session:
        """A session of nobody yet."""
        session = Session(self, next(self._next_spid))
        self.spids.add(session.spid)
        return session

    @property
    def cdc_enabled(self) -> bool:
        return bool(self._fact("is_cdc_enabled"))

    @cdc_enabled.setter
    def cdc_enabled(self, enabled: bool) -> None:
        self._set("is_cdc_enabled", enabled)

    @property
    def snapshot_allowed(self) -> bool:
        return bool(self._fact("snapshot_isolation_state"))

    def alter_database(self, text: str) -> None:
        """`ALTER DATABASE … SET …`, of the options that matter to a reader of changes; others are taken as given."""
        for column, (pattern, kind) in _OPTIONS.items():
            if found := re.search(pattern, text.upper()):
                self._set(column, kind(bool(found[1])))

    def _fact(self, column: str) -> object:
        [(value,)] = self.database.duck.cursor().execute(f"SELECT {column} FROM catalog.databases").fetchall()
        return value

    def _set(self, column: str, value: object) -> None:
        self.database.duck.cursor().execute(f"UPDATE catalog.databases SET {column} = ?", [value])
        self.database.changed()

    def close(self) -> None:
        self.capture.close()
        self.database.duck.close()
