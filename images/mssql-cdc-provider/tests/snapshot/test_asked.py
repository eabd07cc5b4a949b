"""Tables that are read anew because somebody asks for it while their changes are streamed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from tests.mssql import Run, Sink, config_of, running
from tests.servers.sqlserver import SqlServer


@pytest.fixture
def run(server: SqlServer, caplog: pytest.LogCaptureFixture) -> Iterator[Run]:
    """It has nothing left to read."""
    caplog.set_level(logging.INFO, "dstream")
    with running(config_of(server, snapshot={"page_rows": 50}), Sink()) as made:
        made.until_same(server, "Orders", "Items")
        made.until(lambda: not made.state["snapshot"]["jobs"])
        made.sink.records.clear()
        yield made


def ask(run: Run, **signal: Any) -> None:
    run.provider.on_signal({"kind": "snapshot", **signal})


def test_a_table_is_read_anew_while_its_changes_go_on(run: Run, server: SqlServer) -> None:
    ask(run, tables=["dbo.Orders"])
    run.until(lambda: len(run.sink.records) == 10)
    server.execute("UPDATE dbo.Orders SET Name = N'changed' WHERE ID IN (1, 299)")
    run.until(lambda: run.sink.operations("Orders").count("Snapshot") == 300)
    run.until_same(server, "Orders")
    assert run.sink.operations("Items") == []


def test_a_filter_says_which_rows(run: Run) -> None:
    """The filter may hold anything that a condition can, a comment at its end too."""
    ask(run, tables=["Orders"], filter="ID % 100 = 7 AND Name <> '{x}' -- and no more")
    run.until(lambda: len(run.sink.records) == 3)
    run.until(lambda: not run.state["snapshot"]["jobs"])
    assert [record.data["ID"] for record in run.sink.records] == [7, 107, 207]


def test_without_tables_all_are_meant(run: Run) -> None:
    ask(run)
    run.until(lambda: len(run.sink.records) == 305)


def test_what_was_asked_for_survives_the_run(run: Run, server: SqlServer) -> None:
    ask(run, tables=["Orders"], filter="ID < 60")
    run.until(lambda: len(run.sink.records) == 1)
    run.stop()
    left = {record.data["ID"] for record in run.sink.records}
    with running(config_of(server), Sink(), run.state) as again:
        again.until(lambda: not again.state["snapshot"]["jobs"])
        assert left | {record.data["ID"] for record in again.sink.records} == set(range(60))


@pytest.mark.parametrize(
    ("signal", "said"),
    [
        ({"tables": ["Customers"]}, "`Customers` is no table that is followed"),
        ({"tables": ["a.b.c"]}, "`a.b.c` is no table"),
        ({"kind": "juggle"}, "of kind `juggle`"),
        ({"tables": ["Orders"], "filter": "Colour = 1"}, "cannot read `dbo.Orders` where Colour = 1"),
        ({"tables": ["Orders"], "filter": "ID = ("}, "cannot read `dbo.Orders` where ID = ("),
    ],
)
def test_a_request_that_makes_no_sense_is_logged_and_stops_nothing(
    run: Run, server: SqlServer, caplog: pytest.LogCaptureFixture, signal: dict[str, Any], said: str
) -> None:
    ask(run, **signal)
    run.until(lambda: said in caplog.text)
    server.execute("UPDATE dbo.Items SET Name = N'changed' WHERE ID = 1")
    run.until(lambda: run.sink.operations() == ["Update"])
    assert not run.state["snapshot"]["jobs"]
