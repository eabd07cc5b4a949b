"""Transactions of the database that is read, and the reader's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import pytest

from mssql_cdc_provider.connection_string import Driver
from tests.servers.sqlserver import SqlServer

Table = Callable[..., None]
Start = Callable[..., Any]


@pytest.fixture(params=get_args(Driver))
def driver(request: pytest.FixtureRequest) -> Any:
    return request.param


def what(records: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    return [(one["metadata"]["OperationType"], one["data"]["id"]) for one in records]


def test_keys_that_change_twice_in_a_transaction_survive_a_stop_in_its_middle(
    server: SqlServer, start: Start, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """3, 5, 23. Sequence values are not in the order of the statements; a stop between any two changes loses none."""
    monkeypatch.setattr("mssql_cdc_provider.streaming.CHECKPOINT_RECORDS", 1)
    table("A")
    server.execute("INSERT INTO A VALUES (1, N'a'), (2, N'b')")
    run = start()
    run.follows()
    first = run.stop()
    server.execute(
        "BEGIN TRAN; UPDATE A SET id = 11 WHERE id = 1; UPDATE A SET id = 12 WHERE id = 2; "
        "UPDATE A SET id = 21 WHERE id = 11; UPDATE A SET id = 22 WHERE id = 12; COMMIT"
    )
    run = start(first, batch_rows=3)
    everything = list(run.get(8))
    run.stop()

    assert what(everything) == [
        (kind, key)
        for old, new in ((1, 11), (2, 12), (11, 21), (12, 22))
        for kind, key in (("Delete", old), ("Insert", new))
    ]
    for count, state in run.states:
        if 0 < count < len(everything):
            rest = start(state, batch_rows=3)
            assert rest.get(len(everything) - count) == everything[count:]
            rest.stop()


def test_no_transaction_is_open_between_polls_so_that_capture_can_be_disabled(
    server: SqlServer, start: Start, table: Table
) -> None:
    """32, 33. One that stays open would also show a replica's reader the same rows for ever."""
    table("A")
    run = start(parallelism=1)
    run.follows()
    server.execute("INSERT INTO A VALUES (1, N'x')")
    run.get(1)

    assert not [sql for sql in server.faults.requests if "BEGIN TRAN" in sql.upper()]
    assert not [sql for sql in server.faults.requests if "IMPLICIT_TRANSACTIONS ON" in sql.upper()]
    server.execute("EXEC sys.sp_cdc_disable_table @source_schema = N'dbo', @source_name = N'A', "
                   "@capture_instance = N'all'")  # fmt: skip
    run.until(lambda: run.states[-1][1]["tables"][0][2] is not None)


def test_the_time_of_a_transaction_of_many_pages_is_asked_for_once(
    server: SqlServer, start: Start, table: Table
) -> None:
    table("A")
    run = start(batch_rows=50)
    run.follows()
    values = ", ".join(f"({at}, N'x')" for at in range(500))
    server.execute(f"INSERT INTO A VALUES {values}", "INSERT INTO A VALUES (500, N'y')")

    records = run.get(501)

    assert all(one["metadata"]["CommitTime"] and one["metadata"]["TransactionId"] for one in records)
    assert len({one["metadata"]["CommitTime"] for one in records[:500]}) == 1
    assert len({one["metadata"]["TransactionId"] for one in records}) == 2
    assert len([sql for sql in server.faults.requests if "m.tran_end_time" in sql]) <= 3
