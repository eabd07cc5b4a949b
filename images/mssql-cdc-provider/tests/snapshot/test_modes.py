"""Rows that were there before, and the changes since, by every mode."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dstream_sdk import ProviderError
from mssql_cdc_provider.config import MssqlCdcConfig
from tests.mssql import Sink, config_of, rows_of, running
from tests.servers.sqlserver import SqlServer

ISOLATIONS = ["snapshot", "watermark"]


def config(server: SqlServer, mode: str = "initial", **snapshot: Any) -> MssqlCdcConfig:
    if snapshot.get("isolation") == "snapshot":
        server.execute(f"ALTER DATABASE {server.database} SET ALLOW_SNAPSHOT_ISOLATION ON")
    return config_of(server, snapshot={"mode": mode, "page_rows": 50, "parallelism": 2, **snapshot})


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_rows_come_first_and_then_the_changes(server: SqlServer, isolation: str) -> None:
    """12. Snapshot, then stream; the state says that all is read only behind the last row."""
    sink = Sink()
    with running(config(server, isolation=isolation), sink) as run:
        run.until(lambda: len(sink.records) == 305)
        assert set(sink.operations()) == {"Snapshot"}
        assert run.state is None or run.state["snapshot"]["jobs"]
        run.until(lambda: run.state is not None and not run.state["snapshot"]["jobs"])
        server.execute("UPDATE dbo.Orders SET Name = N'new' WHERE ID = 7", "DELETE FROM dbo.Items WHERE ID = 1")
        run.until_same(server, "Orders", "Items")
        assert sink.operations()[305:] == ["Update", "Delete"]


def test_a_row_of_a_snapshot_looks_like_one_of_an_insert(server: SqlServer) -> None:
    sink = Sink()
    with running(config(server), sink) as run:
        run.until_same(server, "Orders", "Items")
        server.execute("INSERT INTO dbo.Items VALUES (9, NULL)")
        run.until_same(server, "Items")
    first, last = (
        next(r for r in records if r.metadata["TableName"] == "Items") for records in (sink.records, sink.records[::-1])
    )
    assert first.data == {"ID": 0, "Name": "item 0"}
    assert last.data == {"ID": 9, "Name": None}
    assert first.before is None
    shared = {"TableName", "SchemaName", "SchemaVersion"}
    assert {key: first.metadata[key] for key in shared} == {key: last.metadata[key] for key in shared}
    assert first.metadata["LSN"] < last.metadata["LSN"]


def test_initial_only_ends_with_the_last_row_and_is_done_for_good(server: SqlServer) -> None:
    """13. `initial_only` never streams."""
    sink = Sink()
    with running(config(server, "initial_only"), sink) as run:
        run.until(lambda: len(sink.records) == 1)
        server.execute("INSERT INTO dbo.Items VALUES (9, N'late')")
        run.to_the_end()
        state = run.state
    assert sink.rows("Orders") == rows_of(server, "Orders")
    assert set(sink.operations()) == {"Snapshot"}
    with running(config(server, "initial_only"), Sink(), state) as again:
        again.to_the_end()
        assert again.sink.records == []


def test_no_data_is_from_now_on(server: SqlServer) -> None:
    """13. `no_data`: nothing of what was there."""
    sink = Sink()
    with running(config(server, "no_data"), sink) as run:
        run.until(lambda: run.state is not None)
        server.execute("INSERT INTO dbo.Items VALUES (9, N'late')")
        run.until(lambda: bool(sink.records))
    assert [record.data["ID"] for record in sink.records] == [9]


def test_always_reads_everything_at_each_start_and_misses_no_change_in_between(server: SqlServer) -> None:
    """13. `always`; a row that was deleted meanwhile is deleted in the sink as well."""
    sink = Sink()
    with running(config(server, "always"), sink) as run:
        run.until_same(server, "Orders", "Items")
        run.stop()
        state = run.state
    server.execute("DELETE FROM dbo.Items WHERE ID = 3")
    with running(config(server, "always"), sink, state) as again:
        again.until_same(server, "Orders", "Items")
        again.until(lambda: not again.state["snapshot"]["jobs"])
    assert sink.operations("Orders") == ["Snapshot"] * 600


def test_when_needed_reads_anew_what_was_cleaned_up_while_it_was_away(server: SqlServer) -> None:
    """15. `when_needed` after a purge."""
    sink = Sink()
    with running(config(server, "when_needed"), sink) as run:
        run.until_same(server, "Orders", "Items")
        run.stop()
        state = run.state
    server.execute("INSERT INTO dbo.Items VALUES (8, N'lost')", "INSERT INTO dbo.Items VALUES (9, N'kept')")
    server.capture.expire(timedelta(0))
    with running(config(server, "when_needed"), sink, state) as again:
        again.until_same(server, "Orders", "Items")
    assert sink.operations("Items")[5:12] == ["Snapshot"] * 7


def test_a_table_that_is_added_to_the_config_is_read_before_its_changes(server: SqlServer) -> None:
    sink = Sink()
    only = config(server).model_copy(update={"tables": ["Items"]})
    with running(only, sink) as run:
        run.until_same(server, "Items")
        run.stop()
        state = run.state
    server.execute("INSERT INTO dbo.Items VALUES (9, N'meanwhile')")
    with running(config(server), sink, state) as again:
        again.until_same(server, "Orders", "Items")
    assert sink.operations("Items")[5:] == ["Insert"]
    assert sink.operations("Orders") == ["Snapshot"] * 300


def test_snapshot_isolation_that_is_not_allowed_is_refused_with_the_statement_that_allows_it(server: SqlServer) -> None:
    """14. Isolation modes."""
    asked = config_of(server, snapshot={"isolation": "snapshot"})
    with running(asked, Sink()) as run, pytest.raises(ProviderError) as refused:
        run.to_the_end()
    assert "SET ALLOW_SNAPSHOT_ISOLATION ON" in refused.value.hint
