"""A run of the provider against a server, as its host sees it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from dstream_sdk import Checkpoint, Context
from mssql_cdc_provider.config import MssqlCdcConfig
from mssql_cdc_provider.connection_string import Driver
from mssql_cdc_provider.provider import MssqlCdc
from tests.servers.sqlserver import RealSqlServer, SqlServer, sql_server

PATIENCE_S = 60.0

ENABLE = "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @role_name = NULL, @source_name = N'{}'"


class Run:
    """A run in a thread. Records come as a reader of the stream gets them, checkpoints as they are stored."""

    def __init__(self, config: MssqlCdcConfig, state: Any = None) -> None:
        self.records: list[dict[str, Any]] = []
        self.states: list[tuple[int, Any]] = []
        """The checkpoints, each with the number of records before it."""
        self.figures: list[dict[str, Any]] = []
        self.failure: BaseException | None = None
        self._changed = threading.Condition()
        self._context = Context(command="run", role="input", task="orders", state=state)
        self._context.port.stats = self.figures.append
        self.provider = MssqlCdc(config)
        self.provider.context = self._context
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        try:
            self.provider.open()
            for item in self.provider.read(self._context):
                with self._changed:
                    if isinstance(item, Checkpoint):
                        self.states.append((len(self.records), json.loads(msgspec.json.encode(item.state))))
                    else:
                        self.records.append(json.loads(msgspec.json.encode(item)))
                    self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001 - raised where the test looks
            self.failure = error
        finally:
            self.provider.close()
            with self._changed:
                self._changed.notify_all()

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until it holds. Raises what ended the run, and AssertionError at the deadline."""
        deadline = time.monotonic() + PATIENCE_S
        with self._changed:
            while not condition():
                if self.failure is not None:
                    raise self.failure
                assert self._thread.is_alive(), "the run ended by itself"
                assert time.monotonic() < deadline, f"waited for nothing, with {len(self.records)} records"
                self._changed.wait(0.05)

    def get(self, count: int) -> list[dict[str, Any]]:
        """Wait for so many records, and for a checkpoint behind them."""
        self.until(lambda: self.states and self.states[-1][0] >= count)
        return self.records

    def follows(self) -> None:
        """Wait until the run is under way."""
        self.until(lambda: self.states)

    def stop(self) -> Any:
        """Have it wind down. Returns the state that a next run would get."""
        self._context.stop.request("the test is done")
        self.wait()
        return self.states[-1][1] if self.states else self._context.state

    def wait(self) -> None:
        """Wait until it ends. Raises what ended it."""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "the run does not stop"
        if self.failure is not None:
            raise self.failure

    def end(self) -> None:
        self._context.stop.request("the test is over")
        self._thread.join(PATIENCE_S)


Start = Callable[..., Run]


@pytest.fixture
def server() -> Iterator[SqlServer | RealSqlServer]:
    with sql_server() as running:
        yield running


@pytest.fixture
def start(server: SqlServer | RealSqlServer, driver: Driver) -> Iterator[Start]:
    """Start a run: changes from now on and of every table, unless said otherwise."""
    runs: list[Run] = []

    def made(state: Any = None, **config: Any) -> Run:
        values = {
            "connection_string": f"Server={server.host},{server.port};Database={server.database};"
            f"User Id={server.user};Password={server.password};Connect Timeout=30",
            "driver": driver,
            "tables": ["*"],
            "snapshot": {"mode": "no_data"},
            "poll_interval": "20ms",
            "max_poll_interval": "50ms",
            "heartbeat_interval": "100ms",
            "parallelism": 2,
            **config,
        }
        runs.append(Run(MssqlCdcConfig.model_validate(values), state))
        return runs[-1]

    yield made
    for run in runs:
        run.end()


@pytest.fixture
def table(server: SqlServer | RealSqlServer) -> Callable[..., None]:
    """Make captured tables of the given columns."""

    def made(*names: str, columns: str = "id int PRIMARY KEY, v nvarchar(50)") -> None:
        for name in names:
            server.execute(f"CREATE TABLE dbo.{name} ({columns})", ENABLE.format(name))

    return made
