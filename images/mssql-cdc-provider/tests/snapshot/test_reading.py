"""Reading tables whole: while others write, broken off and taken up again, by any key, through failures."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from typing import Any, get_args

import pytest

from dstream_sdk import Checkpoint, ProviderError
from mssql_cdc_provider import streaming
from mssql_cdc_provider.config import MssqlCdcConfig
from mssql_cdc_provider.connection_string import Driver
from mssql_cdc_provider.snapshot import slices, snapshots
from tests.mssql import Sink, config_of, insert, rows_of, running
from tests.servers.sqlserver import SqlServer
from tests.streams import until


def config(server: SqlServer, *, isolation: str = "watermark", parallelism: int = 2, **values: Any) -> MssqlCdcConfig:
    server.execute(
        f"ALTER DATABASE {server.database} SET ALLOW_SNAPSHOT_ISOLATION {'ON' if isolation == 'snapshot' else 'OFF'}"
    )
    snapshot = {"page_rows": 20, "parallelism": parallelism, "isolation": isolation}
    return config_of(server, snapshot=snapshot, **values)


def snapshot_ids(sink: Sink, table: str) -> set[str]:
    """Those that the rows of a table came with."""
    found = [record.metadata for record in sink.records if record.metadata["OperationType"] == "Snapshot"]
    return {metadata["SnapshotId"] for metadata in found if metadata["TableName"] == table}


@pytest.fixture
def page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream goes on behind every page, and every page has a checkpoint."""
    monkeypatch.setattr(snapshots, "SLICE_S", 0.0)
    monkeypatch.setattr(slices, "MARK_S", 0.0)
    monkeypatch.setattr(streaming, "CHECKPOINT_RECORDS", 1)


def test_a_first_run_sends_no_row_before_its_beginning_is_durable(server: SqlServer) -> None:
    """Else a run that dies is begun later the next time, and what was deleted in between stays in the sink."""
    wanted, sink = config(server), Sink()
    with running(wanted, sink, delivery="at-least-once") as run:
        run.until(lambda: run.state is not None)
        began = run.state
        assert sink.records == []
        run.provider.acknowledged(Checkpoint(began))
        run.until(lambda: len(sink.records) >= 20)
    sent = tuple(record.data["ID"] for record in sink.records if record.metadata["TableName"] == "Orders")
    server.execute(f"DELETE FROM dbo.Orders WHERE ID IN {sent}")
    with running(wanted, sink, began) as run:
        run.until_same(server, "Orders", "Items")


def test_a_request_is_durable_before_its_first_row_is_sent(server: SqlServer) -> None:
    """Else a run that dies would send the same rows under another id, or never."""
    wanted, sink = config(server, tables=["Items"]), Sink()
    with running(wanted, sink) as run:
        run.until(lambda: run.state is not None and not run.state["snapshot"]["jobs"])
    before = snapshot_ids(sink, "Items")
    with running(wanted, sink, run.state, delivery="at-least-once") as run:
        run.provider.on_signal({"kind": "snapshot"})
        run.until(lambda: bool(run.state["snapshot"]["jobs"]))
        began = run.state
        assert len(sink.records) == 5
        run.provider.acknowledged(Checkpoint(began))
        run.until(lambda: len(sink.records) > 5)
    with running(wanted, sink, began, delivery="at-least-once") as run:
        run.until(lambda: not run.state["snapshot"]["jobs"])
    assert len(snapshot_ids(sink, "Items") - before) == 1
    assert sink.operations("Items") == ["Snapshot"] * len(sink.records)


class Writer(threading.Thread):
    """Changes rows for as long as it is entered: every kind of change, everywhere in the table."""

    def __init__(self, server: SqlServer) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._ended = threading.Event()
        self.rounds = 0

    def run(self) -> None:
        while not self._ended.is_set():
            at = self.rounds * 37 % 300
            self._server.execute(
                f"UPDATE dbo.Orders SET Name = N'round {self.rounds}' WHERE ID = {at}",
                f"DELETE FROM dbo.Orders WHERE ID = {(at + 100) % 300}",
                f"INSERT INTO dbo.Orders VALUES ({1000 + self.rounds}, N'added', N'y')",
                f"UPDATE dbo.Orders SET ID = {2000 + self.rounds} WHERE ID = {(at + 200) % 300}",
            )
            self.rounds += 1

    def __enter__(self) -> Writer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()


@pytest.mark.parametrize("isolation", ["snapshot", "watermark"])
@pytest.mark.usefixtures("page_by_page")
def test_what_others_write_meanwhile_is_neither_lost_nor_undone(server: SqlServer, isolation: str) -> None:
    server.capture.lag = 0.05
    sink = Sink()
    with running(config(server, isolation=isolation), sink) as run:
        with Writer(server) as writer:
            run.until(lambda: writer.rounds > 5 and run.state is not None and not run.state["snapshot"]["jobs"])
        run.until_same(server, "Orders", "Items")


@pytest.mark.usefixtures("page_by_page")
def test_changes_are_streamed_between_the_pages_of_a_long_snapshot(server: SqlServer) -> None:
    """So that a snapshot may take longer than changes are kept."""
    sink = Sink()
    with running(config(server), sink) as run:
        run.until(lambda: len(sink.records) == 1)
        server.execute("UPDATE dbo.Items SET Name = N'changed' WHERE ID = 4")
        run.until(lambda: "Update" in sink.operations())
        assert sink.operations("Orders").count("Snapshot") < 300
        run.until_same(server, "Orders", "Items")


def died_behind(config: MssqlCdcConfig, sink: Sink, state: Any, rows: int) -> Any:
    """The state of a run that died once the sink had so many orders, and had sent more behind its last checkpoint."""
    with running(config, sink, state) as run:
        run.until(lambda: run.state != state and len(sink.rows("Orders")) >= rows)
        stored, sent = run.state, len(sink.records)
        run.until(lambda: len(sink.records) > sent)
    return stored


@pytest.mark.parametrize("isolation", ["snapshot", "watermark"])
@pytest.mark.usefixtures("page_by_page")
def test_a_run_that_dies_in_the_middle_of_a_table_goes_on_behind_its_last_checkpoint(
    server: SqlServer, isolation: str
) -> None:
    sink = Sink()
    state = None
    for goal in (60, 150, 290):
        state = died_behind(config(server, isolation=isolation), sink, state, goal)
        server.execute(f"UPDATE dbo.Orders SET Name = N'changed at {goal}' WHERE ID IN (1, {goal}, 299)")
    with running(config(server, isolation=isolation), sink, state) as run:
        run.until_same(server, "Orders", "Items")
    times = Counter(record.data["ID"] for record in sink.records if record.metadata["OperationType"] == "Snapshot")
    assert max(times.values()) == 2
    assert sum(times.values()) < 305 + 5 * 20 * 3
    # What is sent again bears the id that it had before.
    ids = {table: snapshot_ids(sink, table) for table in ("Orders", "Items")}
    assert [len(some) for some in ids.values()] == [1, 1]
    assert ids["Orders"] != ids["Items"]


def test_ranges_of_a_table_are_read_side_by_side(server: SqlServer) -> None:
    insert(server, "Orders", [(number, "more", None) for number in range(1000, 2000)])
    sink = Sink()
    with running(config(server, parallelism=3), sink) as run:
        run.until_same(server, "Orders", "Items")
    asked = [sql for sql in server.faults.requests if "[dbo].[Orders]" in sql and "ORDER BY" in sql]
    assert len({sql for sql in asked if "t.[ID] < " in sql and "t.[ID] > " not in sql}) > 3
    assert max(Counter(sink.operations("Orders")).values()) == 1300


@pytest.mark.parametrize("driver", get_args(Driver))
@pytest.mark.parametrize("fault", ["deadlock", "lock timeout", "hang up", "cut", "drop all"])
def test_a_failure_that_passes_costs_no_row_and_repeats_none(server: SqlServer, fault: str, driver: Driver) -> None:
    """14, 29. A lock timeout while rows are read, and a session that was killed."""
    page = r"TOP \(\d+\) .*Orders"
    sink = Sink()
    with running(config(server, isolation="snapshot", driver=driver), sink) as run:
        run.until(lambda: len(sink.records) == 30)
        match fault:
            case "deadlock":
                server.faults.fail(page, 1205, times=2)
            case "lock timeout":
                server.faults.fail(page, 1222, times=2)
            case "hang up":
                server.faults.hang_up(page, times=2)
            case "cut":
                server.faults.cut_after = 2000
            case "drop all":
                server.drop_all()
        run.until(lambda: run.state is not None and not run.state["snapshot"]["jobs"])
    assert sink.rows("Orders") == rows_of(server, "Orders")
    assert Counter(sink.operations()) == {"Snapshot": 305}


def test_a_key_of_several_columns_of_any_type_is_gone_through_once(server: SqlServer) -> None:
    server.execute(
        "CREATE TABLE dbo.Parts (A datetime2(6) NOT NULL, B nvarchar(20) NOT NULL, C uniqueidentifier NOT NULL, "
        "D decimal(18,4) NOT NULL, E varbinary(4) NOT NULL, N int, PRIMARY KEY (A, B, C, D, E))",
        "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'Parts', @role_name = NULL",
    )
    rows = [
        f"('2024-01-01T00:00:00.{n // 40:06}', N'it''s {n // 20 % 2}', "
        f"'00000000-0000-0000-0000-0000000000{n // 10 % 2:02}', {n // 5 % 2}.0001, 0x{n % 5:02}, {n})"
        for n in range(200)
    ]
    server.execute(f"INSERT INTO dbo.Parts VALUES {', '.join(rows)}")
    sink = Sink(Parts=5)
    with running(config(server, tables=["Parts"]), sink) as run:
        run.until(lambda: run.state is not None and not run.state["snapshot"]["jobs"])
    assert sorted(record.data["N"] for record in sink.records) == list(range(200))


def test_a_table_without_a_key_is_read_in_one_go(server: SqlServer) -> None:
    """24. A table without a key."""
    server.execute(
        "CREATE TABLE dbo.Loose (ID int, Name nvarchar(20))",
        "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'Loose', @role_name = NULL",
    )
    insert(server, "Loose", [(number % 7, "twice") for number in range(100)])
    sink = Sink()
    with running(config(server, tables=["Loose"]), sink) as run:
        run.until(lambda: run.state is not None and not run.state["snapshot"]["jobs"])
    assert Counter(record.data["ID"] for record in sink.records) == Counter(number % 7 for number in range(100))
    assert len([sql for sql in server.faults.requests if "[dbo].[Loose]" in sql and "cdc" not in sql]) == 1


@pytest.mark.usefixtures("page_by_page")
def test_a_table_that_loses_a_column_or_is_dropped_meanwhile_stops_nothing(server: SqlServer) -> None:
    """17, 19. While rows are read."""
    sink = Sink()
    with running(config(server, parallelism=1), sink) as run:
        run.until(lambda: len(sink.records) == 30)
        server.execute("ALTER TABLE dbo.Orders DROP COLUMN Big")
        run.until(lambda: len(sink.rows("Orders")) == 300)
        assert "Big" not in sink.records[-1].data or sink.records[-1].metadata["TableName"] == "Items"
    with running(config(server, parallelism=1), Sink()) as run:
        run.until(lambda: len(run.sink.records) == 30)
        server.execute("EXEC sys.sp_cdc_disable_table N'dbo', N'Orders', N'all'", "DROP TABLE dbo.Orders")
        server.execute("UPDATE dbo.Items SET Name = N'still here' WHERE ID = 1")
        run.until_same(server, "Items")


def test_rows_that_the_login_may_not_read_are_an_error_with_its_grant(server: SqlServer) -> None:
    server.faults.fail(r"TOP \(\d+\) .*Items", 229, "SELECT", "Items", "testdb", "dbo")
    with running(config(server), Sink()) as run, pytest.raises(ProviderError) as refused:
        run.to_the_end()
    assert "GRANT SELECT ON [dbo].[Items]" in refused.value.hint


def test_a_run_that_should_stop_waits_for_no_slow_page(server: SqlServer) -> None:
    server.faults.delay(page := r"TOP \(\d+\) .*Orders", 50)
    with running(config(server, parallelism=1), Sink()) as run:

        def stop_once_asked() -> None:
            until(lambda: any(re.search(page, sql) for sql in server.faults.requests), "the page is asked for")
            run.context.stop.request("enough")

        threading.Thread(target=stop_once_asked).start()
        began = time.monotonic()
        run.to_the_end()
        assert time.monotonic() - began < 40
