"""The example from tables to queues, through its whole life in containers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.servicebus import ServiceBus
from tests.servers.sqlserver import SqlServer
from tests.streams import until

if TYPE_CHECKING:
    from tests.servers.images import Images

DSTREAM = Path(sys.executable).with_name("dstream")
EXAMPLE = Path(__file__).parents[3] / "examples" / "mssql-to-asb" / "dstream.hcl"
TASK = "mssql-to-asb"
PATIENCE_S = 300.0
TABLES = ("Customers", "Orders", "Persons")
MADE = {f"{table}_cdc_events" for table in TABLES}
SNAPSHOT, CHANGES = 10_000, 30_000


@pytest.fixture
def server() -> Iterator[SqlServer]:
    """Three tables; one of them has rows already."""
    with SqlServer(host="0.0.0.0", cdc=False) as running:
        for table in TABLES:
            running.execute(f"CREATE TABLE dbo.{table} (ID int PRIMARY KEY, Name nvarchar(50))")
        fill(running, "Customers", 0, SNAPSHOT)
        yield running


@pytest.fixture
def bus() -> Iterator[ServiceBus]:
    """A namespace that has a queue of somebody else's."""
    with ServiceBus(host="0.0.0.0") as running:
        running.create("invoices")
        yield running


class Commands:
    """`dstream` beside a copy of the example, in containers of the engine."""

    def __init__(self, folder: Path, engine: str, images: Images, server: SqlServer, bus: ServiceBus) -> None:
        self.folder = folder
        self.file = folder / "dstream.hcl"
        self.file.write_text(EXAMPLE.read_text())
        self.said = ""
        self._engine = engine
        target = f"Server=host.docker.internal,{server.port};Database={server.database}"
        self._environ = {
            **os.environ,
            "DOCKER_HOST": engine,
            "DSTREAM_MIRRORS": json.dumps(images.mirrors),
            "SQL_CONNECTION": f"{target};User Id={server.user};Password={server.password}",
            "ASB_CONNECTION": bus.connection_string_for("host.docker.internal"),
        }

    def run(self, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
        """The events of `dstream ARGUMENTS`, which must exit with `code`."""
        with self.started(*arguments) as process:
            out, err = process.communicate(timeout=PATIENCE_S)
        self.said += out + err
        assert process.returncode == code, out + err
        return [json.loads(line) for line in out.splitlines()]

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        with subprocess.Popen(
            [DSTREAM, "--json", *arguments], cwd=self.folder, env=self._environ, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            try:
                yield process
            finally:
                process.terminate()

    def containers(self) -> list[str]:
        return self.engine("ps", "--all", "--quiet").split()

    def actions(self, *arguments: str, code: int = 0) -> dict[str, str]:
        """What the command did or would do, by queue."""
        event = next(event for event in self.run(*arguments, code=code) if event["event"] == arguments[0])
        parts = (event["infrastructure"] if arguments[0] == "status" else event)["providers"]
        (output,) = (part for part in parts if part["role"] == "output")
        return {resource["name"]: resource["action"] for resource in output["resources"]}

    def engine(self, *arguments: str) -> str:
        done = subprocess.run(
            ["docker", "--host", self._engine, *arguments], capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout


@pytest.mark.engine
@pytest.mark.timeout(600)
def test_queues_live_as_long_as_their_task(
    engine: str, images: Images, server: SqlServer, bus: ServiceBus, tmp_path: Path
) -> None:
    dstream = Commands(tmp_path, engine, images, server, bus)
    assert dstream.actions("plan", TASK, "--detailed-exitcode", code=2) == dict.fromkeys(MADE, "create")
    assert set(bus.queues) == {"invoices"}
    dstream.run("init", TASK)
    assert set(bus.queues) == {*MADE, "invoices"}
    assert dstream.actions("plan", TASK, "--detailed-exitcode") == dict.fromkeys(MADE, "same")

    dstream.run("run", TASK, "--max-records", str(SNAPSHOT))
    for table in TABLES:
        fill(server, table, SNAPSHOT, CHANGES)
    server.capture.scan()
    with dstream.started("run", TASK, "--max-records", str(len(TABLES) * CHANGES)) as run:
        until(lambda: len(dstream.containers()) == 2, "both containers", PATIENCE_S)
        inspected = dstream.engine("inspect", *dstream.containers())
        _, said = run.communicate(timeout=PATIENCE_S)
    assert run.returncode == 0, said
    changes = [*range(SNAPSHOT, SNAPSHOT + CHANGES)]
    assert ids(bus, "Customers") == [*range(SNAPSHOT), *changes]
    assert (ids(bus, "Orders"), ids(bus, "Persons")) == (changes, changes)

    dstream.file.write_text(
        EXAMPLE.read_text().replace('env("ASB_CONNECTION")', 'env("ASB_CONNECTION")\nqueues = { ttl = "336h" }')
    )
    assert dstream.actions("plan", TASK, "--detailed-exitcode", code=2) == dict.fromkeys(MADE, "update")
    dstream.run("init", TASK)
    bus.delete("Orders_cdc_events")
    drifted = {**dict.fromkeys(MADE, "same"), "Orders_cdc_events": "create"}
    assert dstream.actions("status", TASK) == drifted
    assert dstream.actions("plan", TASK) == drifted

    refused = dstream.run("destroy", TASK, "--yes", code=1)
    assert refused[-1]["code"] == "infrastructure.data_loss"
    dstream.run("destroy", TASK, "--yes", "--allow-data-loss")
    assert set(bus.queues) == {"invoices"}
    assert dstream.containers() == []

    kept = "".join(path.read_bytes().decode(errors="replace") for path in tmp_path.rglob("*") if path.is_file())
    assert TASK in kept
    assert bus.keys.secret not in kept + dstream.said + said + inspected


def fill(server: SqlServer, table: str, first: int, rows: int) -> None:
    """Insert rows in one transaction."""
    server.execute(f"INSERT INTO dbo.{table} SELECT value, N'x' FROM GENERATE_SERIES({first}, {first + rows - 1})")


def ids(bus: ServiceBus, table: str) -> list[int]:
    """Of every message in the table's queue, in its order."""
    return [json.loads(message.body)["data"]["ID"] for message in bus.received(f"{table}_cdc_events")]
