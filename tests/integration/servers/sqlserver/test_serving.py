"""The emulated server as a program of its own, and with many rows."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pymssql

from tests.differences import first_difference
from tests.integration.servers.sqlserver.changes import changes, enable
from tests.integration.servers.sqlserver.conftest import Ask, asking
from tests.servers.sqlserver import SqlServer
from tests.servers.sqlserver.loading import load


def test_it_serves_from_a_process_until_it_is_stopped() -> None:
    serving = subprocess.Popen(
        [sys.executable, "-m", "tests.servers.sqlserver"], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    try:
        assert serving.stdout is not None
        url = urlsplit(serving.stdout.readline().strip())
        connection = pymssql.connect(
            server=str(url.hostname), port=str(url.port), user=str(url.username), password=str(url.password)
        )
        assert asking(connection)("SELECT is_cdc_enabled AS e FROM sys.databases") == [(True,)]
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(timeout=60) == 0
    finally:
        serving.kill()
        serving.communicate()


def test_many_rows_come_in_one_transaction(emulated: SqlServer, ask_emulated: Ask) -> None:
    emulated.execute("CREATE TABLE dbo.t (id int PRIMARY KEY, a nvarchar(20))", "INSERT INTO dbo.t VALUES (-1, N'old')")
    enable(emulated, "t")
    load(emulated.engine, "dbo.t", "n, 'name ' || n", 10_000)
    ask_emulated("INSERT INTO dbo.t VALUES (10000, N'last')")
    found = changes(emulated, "dbo_t")
    assert first_difference([change.values[0] for change in found], range(10_001)) is None
    assert len({change.lsn for change in found}) == 2
    assert len({change.sequence for change in found}) == 10_001


def test_the_data_may_be_in_a_file(tmp_path: Path) -> None:
    with SqlServer(data=tmp_path / "rows") as server:
        server.execute("CREATE TABLE dbo.t (id int)", "INSERT INTO dbo.t VALUES (1)")
        assert asking(server.connect())("SELECT id FROM dbo.t") == [(1,)]
    assert (tmp_path / "rows").exists()


def test_pages_of_a_change_table_lie_in_the_order_of_its_index(emulated: SqlServer, ask_emulated: Ask) -> None:
    emulated.execute("CREATE TABLE dbo.t (id int PRIMARY KEY, a int)")
    enable(emulated, "t")
    ask_emulated("BEGIN TRAN; INSERT INTO dbo.t VALUES (1, 1), (2, 2), (3, 3); UPDATE dbo.t SET id = 4 - id; COMMIT")
    ask_emulated("UPDATE dbo.t SET a = 0; DELETE FROM dbo.t")
    key = "[__$start_lsn], [__$command_id], [__$seqval], [__$operation]"
    rows = ask_emulated(f"SELECT {key} FROM cdc.dbo_t_CT ORDER BY {key}")
    assert rows == sorted(rows)
    assert len(rows) == 16
