"""The fixture that tests use."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import pymssql
from pysqlbridge.tds.result import Query

from tests.servers.sqlserver.capture import Capture
from tests.servers.sqlserver.engine import Engine
from tests.servers.sqlserver.faults import Faults
from tests.servers.sqlserver.listener import Listener


class SqlServer:
    """`with SqlServer() as server`: an emulated server whose one database has change data capture enabled.

    `capture` is its capture job (`lag`, `stop`, `start`, `scan`, `note_idle`, `expire`), `faults` what shall go wrong.
    With `cdc=False` the database is as it is before `sys.sp_cdc_enable_db`. Everything may be called from any thread.
    """

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, user: str = "sa", password: str = "Passw0rd!",
        database: str = "testdb", cdc: bool = True,
    ) -> None:  # fmt: skip
        self.host, self.port, self.user, self.password, self.database = host, port, user, password, database
        self.engine = Engine(database, user, password)
        self.faults = Faults()
        self._listener: Listener | None = None
        if cdc:
            self.execute("EXEC sys.sp_cdc_enable_db")

    @property
    def capture(self) -> Capture:
        return self.engine.capture

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
        """Run batches without a client: no fault meets them."""
        session = self.engine.session()
        session.log_in(self.user)
        try:
            for batch in batches:
                session.answer(Query(batch))
        finally:
            session.end()

    def drop_all(self) -> None:
        """Break every connection."""
        if self._listener:
            self._listener.drop_all()

    def start(self) -> Self:
        """Listen, on the port of before if there was one."""
        self._listener = Listener(self.engine, self.faults, self.host, self.port)
        self.port = self._listener.port
        return self

    def stop(self) -> None:
        """Refuse and break connections; the data stay for the next `start`."""
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
