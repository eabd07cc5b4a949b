"""A server with change data capture, and the provider's session to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dstream_sdk import Context
from mssql_cdc_provider.config import MssqlCdcConfig
from mssql_cdc_provider.connection_string import Driver
from mssql_cdc_provider.provider import MssqlCdc
from mssql_cdc_provider.session import Session
from tests.servers.sqlserver import RealSqlServer, SqlServer, sql_server


def connection_string(server: SqlServer | RealSqlServer, user: str = "", password: str = "") -> str:
    return (
        f"Server={server.host},{server.port};Database={server.database};"
        f"User Id={user or server.user};Password={password or server.password};Connect Timeout=30"
    )


@pytest.fixture(scope="session", autouse=True)
def _no_thread_in_native_code_at_the_end() -> Iterator[None]:
    """See `mssql_cdc_provider/__main__.py`."""
    yield
    for thread in threading.enumerate():
        if thread.name == "sql":
            thread.join(60)


@pytest.fixture
def driver() -> Driver:
    """The driver of `provider` and `start`. Modules that read with either one have a fixture of their own."""
    return "pymssql"


@pytest.fixture
def server() -> Iterator[SqlServer | RealSqlServer]:
    """A server whose database has change data capture not enabled."""
    with sql_server(cdc=False) as running:
        yield running


@pytest.fixture
def provider(server: SqlServer | RealSqlServer, driver: Driver) -> Callable[..., MssqlCdc]:
    """Make a provider for the server, of task `orders` unless said otherwise."""

    def make(*, user: str = "", password: str = "", task: str = "orders", project: str = "", **config: Any) -> MssqlCdc:
        login = {"connection_string": connection_string(server, user, password), "driver": driver}
        values = {**login, "tables": ["Orders"], **config}
        made = MssqlCdc(MssqlCdcConfig.model_validate(values))
        made.context = Context(command="check", role="input", task=task, options={"project": project})
        return made

    return make


@pytest.fixture
def session(server: SqlServer | RealSqlServer, provider: Callable[..., MssqlCdc]) -> Iterator[Session]:
    made = Session(provider().config.target, query_timeout_s=30)
    yield made
    made.close()
