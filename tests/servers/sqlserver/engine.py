"""All that the sessions of one emulated server share."""

from __future__ import annotations

import itertools
import re
from collections import OrderedDict

from tests.servers.sqlserver.answers import ResultSet
from tests.servers.sqlserver.applocks import ApplicationLocks
from tests.servers.sqlserver.capture import Capture
from tests.servers.sqlserver.database import Database
from tests.servers.sqlserver.permissions import Permissions
from tests.servers.sqlserver.sessions import Session

_KEPT = 4096
_KEPT_ROWS = 1000


class Engine:
    """One database, its capture job, its locks and its permissions."""

    def __init__(self, database: str, user: str, password: str) -> None:
        self.database = Database(database)
        self.capture = Capture(self.database)
        self.locks = ApplicationLocks()
        self.permissions = Permissions(self.database, user, password)
        self.cdc_enabled = False
        self.snapshot_allowed = False
        self._kept: OrderedDict[tuple[str, int], ResultSet] = OrderedDict()
        self._spids = itertools.count(51)

    def session(self, user: str) -> Session:
        return Session(self, user, next(self._spids))

    def kept(self, key: tuple[str, int]) -> ResultSet | None:
        """The answer to the same query of the same data, encoded already."""
        with self.database.lock:
            return self._kept.get(key)

    def keep(self, key: tuple[str, int], result: ResultSet) -> None:
        """Keep the answer to a query that is likely to come again: a page of rows, not one value."""
        if 0 < len(result.rows) and key[1] == self.database.version and "gen_random_uuid" not in key[0]:
            with self.database.lock:
                self._kept[key] = result
                if len(self._kept) > _KEPT or len(result.rows) > _KEPT_ROWS * 100:
                    self._kept.popitem(last=False)

    def alter_database(self, text: str) -> None:
        """`ALTER DATABASE … SET …`."""
        words = text.upper()
        if found := re.search(r"ALLOW_SNAPSHOT_ISOLATION\s+(ON|OFF)", words):
            self.snapshot_allowed = found[1] == "ON"
            self._set("snapshot_isolation_state", int(self.snapshot_allowed))
        elif found := re.search(r"READ_COMMITTED_SNAPSHOT\s+(ON|OFF)", words):
            self._set("is_read_committed_snapshot_on", found[1] == "ON")
        elif found := re.search(r"READ_(ONLY|WRITE)", words):
            self._set("is_read_only", found[1] == "ONLY")

    def set_cdc_enabled(self, enabled: bool) -> None:
        self.cdc_enabled = enabled
        self._set("is_cdc_enabled", enabled)

    def _set(self, column: str, value: object) -> None:
        self.database.duck.cursor().execute(f"UPDATE catalog.databases SET {column} = ?", [value])
        self.database.version += 1
