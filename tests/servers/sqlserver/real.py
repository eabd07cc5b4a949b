"""A database of its own on a real SQL Server, for the tests that need nothing but one."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from types import TracebackType
from typing import Any, NoReturn, Self
from urllib.parse import unquote, urlsplit

import pymssql
import pytest

from tests.streams import until


class RealSqlServer:
    """What `SqlServer` is, on the server of `url` (`mssql://user:password@host:port`).

    A test that wants of it what no real server does on request is skipped. SQL Server Agent must run there. The
    database is dropped at the end.
    """

    def __init__(self, url: str, *, cdc: bool = True) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 1433
        self.user, self.password = unquote(parts.username or "sa"), unquote(parts.password or "")
        self.database = f"dstream_{uuid.uuid4().hex[:12]}"
        self._cdc = cdc

    @property
    def url(self) -> str:
        return f"mssql://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"

    def connect(self, **options: Any) -> pymssql.Connection[Any]:
        """As `SqlServer.connect`."""
        given = {
            "user": self.user,
            "password": self.password,
            "database": self.database,
            "tds_version": "7.4",
            "autocommit": True,
            "login_timeout": 30,
            "timeout": 60,
        }
        connect: Callable[..., pymssql.Connection[Any]] = pymssql.connect
        return connect(server=self.host, port=str(self.port), **(given | options))

    def execute(self, *batches: str, database: str | None = None) -> None:
        """As `SqlServer.execute`."""
        with self.connect(database=database or self.database) as connection, connection.cursor() as cursor:
            for batch in batches:
                cursor.execute(batch)

    @property
    def capture(self) -> NoReturn:
        _only_emulated("a capture job at its command")

    @property
    def faults(self) -> NoReturn:
        _only_emulated("faults at its command")

    @property
    def engine(self) -> NoReturn:
        _only_emulated("a look inside the server")

    def drop_all(self) -> NoReturn:
        _only_emulated("connections that break")

    def start(self) -> NoReturn:
        _only_emulated("a server that comes back")

    def stop(self) -> NoReturn:
        _only_emulated("a server that goes away")

    def settle(self) -> None:
        """Return when everything committed so far is captured: the log is read in order, so a last change shows it."""
        marker = uuid.uuid4().hex
        self.execute(f"INSERT INTO dbo.settled VALUES ('{marker}')")
        with self.connect() as connection, connection.cursor() as cursor:

            def captured() -> bool:
                cursor.execute(f"SELECT COUNT(*) AS n FROM cdc.dbo_settled_CT WHERE marker = '{marker}'")
                row = cursor.fetchone()
                return bool(row and row[0])

            until(captured, "the capture job has read the log", deadline=60)

    def __enter__(self) -> Self:
        self.execute(f"CREATE DATABASE {self.database}", database="master")
        if self._cdc:
            self.execute(
                "EXEC sys.sp_cdc_enable_db",
                "CREATE TABLE dbo.settled (marker char(32) PRIMARY KEY)",
                "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'settled', @role_name = NULL",
                "EXEC sys.sp_cdc_change_job @job_type = N'capture', @pollinginterval = 0",
                "EXEC sys.sp_cdc_stop_job @job_type = N'capture'",
                "EXEC sys.sp_cdc_start_job @job_type = N'capture'",
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.execute(
            f"ALTER DATABASE {self.database} SET SINGLE_USER WITH ROLLBACK IMMEDIATE",
            f"DROP DATABASE {self.database}",
            database="master",
        )


def _only_emulated(what: str) -> NoReturn:
    pytest.skip(f"the test needs {what}, which the emulated server has alone")
