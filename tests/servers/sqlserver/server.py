"""The fixture that tests use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pymssql
from pysqlbridge.tds.result import Query

from tests.servers.sqlserver.capture import Capture
from tests.servers.sqlserver.engine import Engine
from tests.servers.sqlserver.faults import Faults
from tests.servers.sqlserver.listener import Listener


class SqlServer:
    """`with SqlServer() as server`: an emulated server with one database, in memory or in the file `data`.

    Change data capture of the database is enabled, unless `cdc` is False. `capture` is its capture job (`lag`, `stop`,
    `start`, `scan`, `note_idle`, `expire`), `faults` what shall go wrong. May be used by several threads.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        user: str = "sa",
        password: str = "Passw0rd!",
        database: str = "testdb",
        cdc: bool = True,
        data: Path | None = None,
    ) -> None:
        self.host, self.port, self.user, self.password, self.database = host, port, user, password, database
        self.engine = Engine(database, user, password, data)
        self.faults = Faults()
        self._listener: Listener | None = None
        if cdc:
            self.execute("EXEC sys.sp_cdc_enable_db")

    @property
    def capture(self) -> Capture:
        return self.engine.capture

    @property
    def url(self) -> str:
        return f"mssql://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"

    def connect(self, **options: Any) -> pymssql.Connection[Any]:
        """A connection of pymssql; `autocommit` and TDS 7.4 unless `options` say otherwise."""
        given = {
            "user": self.user,
            "password": self.password,
            "database": self.database,
            "tds_version": "7.4",
            "autocommit": True,
            "login_timeout": 10,
            "timeout": 30,
        }
        connect: Callable[..., pymssql.Connection[Any]] = pymssql.connect
        return connect(server=self.host, port=str(self.port), **(given | options))

    def execute(self, *batches: str) -> None:
        """Run batches without a client: no fault meets them. Raises QueryError."""
        session = self.engine.session()
        session.log_in(self.user)
        try:
            for batch in batches:
                session.answer(Query(batch))
        finally:
            session.end()

    def settle(self) -> None:
        """Return when everything committed so far is captured."""
        self.capture.scan()

    def drop_all(self) -> None:
        """Break every connection."""
        if self._listener:
            self._listener.drop_all()

    def start(self) -> Self:
        """Listen; after `stop` on the port of before."""
        self._listener = Listener(self.engine, self.faults, self.host, self.port)
        self.port = self._listener.port
        return self

    def stop(self) -> None:
        """Refuse and break connections, until `start`."""
        if self._listener:
            self._listener.stop()
            self._listener = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.engine.close()
