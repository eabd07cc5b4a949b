"""Records that nothing but their order tells apart reach their queue, though it drops repeats: none is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.servicebus import ServiceBus
from tests.servers.sqlserver import SqlServer

DSTREAM = Path(sys.executable).with_name("dstream")
IMAGES = Path(__file__).parents[3] / "images"
PATIENCE_S = 120.0
ROWS = 500
TABULAR = f"""#!/bin/sh
read -r envelope
echo '{{"status":"ready","protocol":1,"capabilities":["checkpoint"]}}'
yes '{{"data":{{"text":"same"}},"metadata":{{"TableName":"Log","OperationType":"Insert"}}}}' | head -n {ROWS}
echo '{{"checkpoint":{{"id":1,"records":{ROWS},"state":{{}}}}}}'
echo '{{"end":{{"records":{ROWS}}}}}'
cat > /dev/null
"""


@pytest.fixture
def bus() -> Iterator[ServiceBus]:
    with ServiceBus() as running:
        yield running


def run(folder: Path, source: str, bus: ServiceBus, *options: str, **environ: str) -> None:
    """Run from the input to the queues, which the run makes."""
    (folder / "dstream.hcl").write_text(
        f'task "log" {{\n  input {{\n{source}\n  }}\n  output {{\n'
        f'    provider_path = "{IMAGES}/asb-output-provider/provider"\n'
        '    config = { connection_string = env("ASB_CONNECTION"), auto_create = true }\n  }\n}\n'
    )
    done = subprocess.run(
        [DSTREAM, "run", "log", *options], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        env={**os.environ, "ASB_CONNECTION": bus.connection_string, **environ}, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_equal_rows_of_a_table_without_a_key_all_arrive(bus: ServiceBus, tmp_path: Path) -> None:
    source = f"""    provider_path = "{IMAGES}/mssql-cdc-provider/provider"
    config = {{ connection_string = env("SQL_CONNECTION"), tables = ["Log"] }}"""
    with SqlServer() as server:
        server.execute("CREATE TABLE dbo.Log (Text nvarchar(50))")
        server.execute("EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'Log', @role_name = NULL")
        same = f"INSERT INTO dbo.Log SELECT N'same' FROM GENERATE_SERIES(1, {ROWS})"
        server.execute(same)
        target = f"Server={server.host},{server.port};Database={server.database}"
        login = f"{target};User Id={server.user};Password={server.password}"
        run(tmp_path, source, bus, "--max-records", str(ROWS), SQL_CONNECTION=login)
        assert len(bus.received("Log_cdc_events")) == ROWS
        server.execute(same)
        run(tmp_path, source, bus, "--max-records", str(ROWS), SQL_CONNECTION=login)
    assert len(bus.received("Log_cdc_events")) == 2 * ROWS
    assert bus.queues["Log_cdc_events"]["RequiresDuplicateDetection"] == "true"


def test_equal_rows_of_an_input_that_tells_nothing_apart_all_arrive(bus: ServiceBus, tmp_path: Path) -> None:
    (tmp_path / "tabular").write_text(TABULAR)
    (tmp_path / "tabular").chmod(0o755)
    run(tmp_path, '    provider_path = "./tabular"\n    protocol = 1', bus)
    assert len(bus.received("Log_cdc_events")) == ROWS
