"""A server for each test, and short ways to ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pymssql
import pytest

from tests.servers.sqlserver import RealSqlServer, SqlServer, sql_server

Ask = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def server() -> Iterator[SqlServer | RealSqlServer]:
    """The emulated server, or a database on that of MSSQL_URL."""
    with sql_server() as made:
        yield made


@pytest.fixture
def emulated() -> Iterator[SqlServer]:
    """The emulated server, for what no real one does on request."""
    with SqlServer() as made:
        yield made


def asking(connection: pymssql.Connection[Any]) -> Ask:
    """Run a batch, and give its first rows."""

    def ask(sql: str) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []

    return ask


@pytest.fixture
def ask(server: SqlServer | RealSqlServer) -> Iterator[Ask]:
    with server.connect() as connection:
        yield asking(connection)


@pytest.fixture
def ask_emulated(emulated: SqlServer) -> Iterator[Ask]:
    with emulated.connect() as connection:
        yield asking(connection)
