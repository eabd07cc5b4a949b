"""From tables to queues: the roadmap's task, made, run and removed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.roadmap import SCENARIO
from tests.servers.servicebus import ServiceBus
from tests.servers.sqlserver import SqlServer
from tests.streams import until

DSTREAM = Path(sys.executable).with_name("dstream")
IMAGES = Path(__file__).parents[3] / "images"
PATIENCE_S = 120.0
QUEUES = {"Persons_cdc_events", "Orders_cdc_events", "Customers_cdc_events"}


@pytest.fixture
def server() -> Iterator[SqlServer]:
    with SqlServer(cdc=False) as running:
        for table in ("Persons", "Orders", "Customers", "Secrets"):
            running.execute(f"CREATE TABLE dbo.{table} (ID int PRIMARY KEY, Name nvarchar(50))")
        running.execute("INSERT INTO dbo.Persons VALUES (1, N'Ameer')")
        yield running


@pytest.fixture
def bus() -> Iterator[ServiceBus]:
    with ServiceBus() as running:
        yield running


def test_the_roadmaps_task_makes_its_queues_fills_and_removes_them(
    server: SqlServer, bus: ServiceBus, pulumi_engine: Path, tmp_path: Path
) -> None:
    (tmp_path / "dstream.hcl").write_text(SCENARIO)
    (tmp_path / "mssql-cdc-provider").symlink_to(IMAGES / "mssql-cdc-provider" / "provider")
    (tmp_path / "dstream-dbtable-asb-output-provider").symlink_to(IMAGES / "asb-output-provider" / "provider")
    target = f"Server={server.host},{server.port};Database={server.database}"
    environ = {
        **os.environ,
        "PATH": f"{pulumi_engine}{os.pathsep}{os.environ['PATH']}",
        "SQL_CONNECTION": f"{target};User Id={server.user};Password={server.password}",
        "ASB_CONNECTION": bus.connection_string,
    }

    def dstream(*arguments: str) -> str:
        done = subprocess.run(
            [DSTREAM, *arguments], cwd=tmp_path, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    dstream("init", "mssql-to-asb")
    assert set(bus.queues) == QUEUES
    server.capture.scan()

    with subprocess.Popen(
        [DSTREAM, "run", "mssql-to-asb"], cwd=tmp_path, env=environ, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as run:  # fmt: skip
        try:
            until(lambda: bus.received("Persons_cdc_events") or run.poll() is not None, "the snapshot", PATIENCE_S)
            server.execute("INSERT INTO dbo.Orders VALUES (7, N'x')", "UPDATE dbo.Persons SET Name = N'Zoë'")
            until(lambda: len(bus.received("Persons_cdc_events")) == 2 or run.poll() is not None, "both", PATIENCE_S)
        finally:
            run.send_signal(signal.SIGINT)
            said, _ = run.communicate(timeout=PATIENCE_S)
    assert run.returncode == 0, said
    rows = [json.loads(message.body) for message in bus.received("Persons_cdc_events")]
    assert [(row["metadata"]["OperationType"], row["data"]["Name"]) for row in rows] == [
        ("Snapshot", "Ameer"),
        ("Update", "Zoë"),
    ]
    assert len(bus.received("Orders_cdc_events")) == 1
    assert bus.received("Customers_cdc_events") == []

    dstream("destroy", "mssql-to-asb", "--yes", "--allow-data-loss")
    assert set(bus.queues) == set()
