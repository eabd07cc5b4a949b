"""Changes as they come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import pytest

from dstream_sdk import ProviderError
from mssql_cdc_provider.connection_string import Driver
from tests.servers.sqlserver import SqlServer

Table = Callable[..., None]


def what(records: list[dict[str, Any]]) -> list[tuple[str, str, Any]]:
    return [(one["metadata"]["TableName"], one["metadata"]["OperationType"], one["data"]["id"]) for one in records]


def place(record: dict[str, Any]) -> tuple[str, int]:
    return record["metadata"]["LSN"], record["metadata"]["Order"]


def test_tables_are_merged_in_commit_order(server: SqlServer, start: Callable[..., Any], table: Table) -> None:
    """2, 23. Inserts, updates and deletes of two tables, some in one transaction."""
    table("A", "B")
    run = start()
    run.follows()
    server.execute(
        "BEGIN TRAN; INSERT INTO A VALUES (1, N'x'); INSERT INTO B VALUES (1, N'y'); "
        "UPDATE A SET v = N'z' WHERE id = 1; COMMIT",
        "INSERT INTO B VALUES (2, N'w')",
        "DELETE FROM A WHERE id = 1",
    )

    records = run.get(5)

    assert what(records) == [
        ("A", "Insert", 1),
        ("B", "Insert", 1),
        ("A", "Update", 1),
        ("B", "Insert", 2),
        ("A", "Delete", 1),
    ]
    assert [one["metadata"]["Order"] for one in records] == [1, 2, 3, 1, 1]
    assert len({one["metadata"]["TransactionId"] for one in records[:3]}) == 1
    assert records[2]["before"] == {"id": 1, "v": "x"}
    assert records[4]["before"] == {"id": 1, "v": "z"}
    assert all(one["metadata"]["CommitTime"].endswith("Z") for one in records)


def test_commit_times_are_utc_whatever_the_servers_clock(
    server: SqlServer, start: Callable[..., Any], table: Table
) -> None:
    """28."""
    import datetime as dt  # noqa: PLC0415

    server.engine.database.utc_offset = dt.timedelta(hours=-9, minutes=-30)
    table("A")
    run = start()
    run.follows()
    server.execute("INSERT INTO A VALUES (1, N'x')")

    committed = dt.datetime.fromisoformat(run.get(1)[0]["metadata"]["CommitTime"])

    assert abs(dt.datetime.now(dt.UTC) - committed) < dt.timedelta(minutes=1)


@pytest.mark.parametrize("driver", get_args(Driver))
@pytest.mark.parametrize("page", [2, 7])
def test_a_run_that_stops_in_the_middle_of_a_transaction_goes_on_there(
    server: SqlServer, start: Callable[..., Any], table: Table, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """3, 4, 5, 7, 10. Whatever checkpoint of a 32-change transaction is resumed from, the rest follows, once."""
    monkeypatch.setattr("mssql_cdc_provider.streaming.CHECKPOINT_RECORDS", 1)
    table("A", "B")
    run = start()
    run.follows()
    first = run.stop()
    changes = "; ".join(
        f"INSERT INTO {name} VALUES ({at}, N'{at}')"
        + (f"; UPDATE {name} SET v = N'u' WHERE id = {at}" if at % 3 else "")
        for at in range(10)
        for name in ("A", "B")
    )
    server.execute(f"BEGIN TRAN; {changes}; COMMIT", "INSERT INTO A VALUES (100, N'after')")
    run = start(first, batch_rows=page)
    everything = list(run.get(33))
    run.stop()
    assert [place(one)[1] for one in everything] == [*range(1, 33), 1]

    inside = [(count, state) for count, state in run.states if 0 < count < 32]
    assert len(inside) > 10
    for count, state in inside[:: len(inside) // 3]:
        run = start(state, batch_rows=page)
        assert run.get(33 - count) == everything[count:]
        run.stop()


def test_nothing_is_repeated_or_lost_over_a_stop(server: SqlServer, start: Callable[..., Any], table: Table) -> None:
    """7. What is committed while nobody reads comes with the next run."""
    table("A")
    run = start()
    run.follows()
    server.execute("INSERT INTO A VALUES (1, N'x')")
    run.get(1)
    state = run.stop()
    server.execute("INSERT INTO A VALUES (2, N'x')")

    run = start(state)

    assert what(run.get(1)) == [("A", "Insert", 2)]
    server.execute("INSERT INTO A VALUES (3, N'x')")
    assert what(run.get(2))[1:] == [("A", "Insert", 3)]


def test_a_changed_key_is_a_delete_and_an_insert(server: SqlServer, start: Callable[..., Any], table: Table) -> None:
    """23."""
    table("A")
    run = start()
    run.follows()
    server.execute("INSERT INTO A VALUES (1, N'x')", "UPDATE A SET id = 2 WHERE id = 1")

    assert what(run.get(3))[1:] == [("A", "Delete", 1), ("A", "Insert", 2)]


def test_a_transaction_of_many_pages_comes_whole(server: SqlServer, start: Callable[..., Any], table: Table) -> None:
    """10. Updates too, whose two rows no page may part."""
    table("A")
    run = start(batch_rows=47)
    run.follows()
    values = ", ".join(f"({at}, N'x')" for at in range(500))
    server.execute(f"BEGIN TRAN; INSERT INTO A VALUES {values}; UPDATE A SET v = N'y'; COMMIT")

    records = run.get(1000)

    assert [one["data"]["id"] for one in records[:500]] == list(range(500))
    assert {one["metadata"]["OperationType"] for one in records[500:]} == {"Update"}
    assert sorted(one["data"]["id"] for one in records[500:]) == list(range(500))


def test_before_the_first_scan_there_is_nothing_and_then_everything(
    server: SqlServer, start: Callable[..., Any], table: Table
) -> None:
    """8, 31. NULL for the highest LSN is no error, and no window is asked for."""
    server.capture.stop()
    table("A")
    server.execute("INSERT INTO A VALUES (1, N'x')")
    run = start()
    run.follows()
    assert run.states[0][1]["position"] == {"lsn": "00" * 10}

    server.capture.start()

    assert what(run.get(1)) == [("A", "Insert", 1)]


def test_skipped_operations_and_chosen_columns(server: SqlServer, start: Callable[..., Any], table: Table) -> None:
    """25."""
    table("A", columns="id int PRIMARY KEY, v nvarchar(50), w int")
    run = start(skip_operations=["delete"], columns={"A": ["w", "id"]})
    run.follows()
    server.execute("INSERT INTO A VALUES (1, N'x', 5)", "DELETE FROM A", "INSERT INTO A VALUES (2, N'x', 6)")

    records = run.get(2)

    assert [list(one["data"].items()) for one in records] == [[("w", 5), ("id", 1)], [("w", 6), ("id", 2)]]


def test_one_query_tells_which_of_many_tables_moved(server: SqlServer, start: Callable[..., Any], table: Table) -> None:
    table(*(f"T{at}" for at in range(20)))
    run = start()
    run.follows()
    run.until(lambda: len(run.states) > 1)
    server.faults.requests.clear()
    server.execute("INSERT INTO T7 VALUES (1, N'x')")
    run.get(1)

    pages = [sql for sql in server.faults.requests if "[__$update_mask]" in sql]
    moved = [sql for sql in server.faults.requests if "sp_executesql" in sql]
    assert all("T7_CT" in sql for sql in pages)
    assert len(moved) == 1


def test_an_idle_run_asks_one_question_a_poll(server: SqlServer, start: Callable[..., Any], table: Table) -> None:
    table(*(f"T{at}" for at in range(5)))
    server.execute("INSERT INTO T1 VALUES (1, N'x')", "INSERT INTO T1 VALUES (2, N'x')")
    run = start(heartbeat_interval="1h")
    run.until(lambda: sum("fn_cdc_get_max_lsn" in sql for sql in list(server.faults.requests)) > 3)
    server.faults.requests.clear()
    run.until(lambda: len(server.faults.requests) > 10)

    assert len({sql for sql in server.faults.requests if "dm_cdc_log_scan_sessions" not in sql}) == 1


def test_an_idle_position_moves_on_with_the_log(server: SqlServer, start: Callable[..., Any], table: Table) -> None:
    """34. The table does not change, the database does: the position must not grow old."""
    table("A", "B")
    run = start(tables=["A"])
    run.follows()
    before = run.states[-1][1]["position"]["lsn"]
    server.execute("INSERT INTO B VALUES (1, N'x')")

    run.until(lambda: run.states[-1][1]["position"]["lsn"] > before)

    assert run.records == []


def test_a_heartbeat_query_runs_while_nothing_changes(
    server: SqlServer, start: Callable[..., Any], table: Table
) -> None:
    """34."""
    table("A")
    server.execute("INSERT INTO A VALUES (1, N'x')")
    run = start(heartbeat_query="UPDATE dbo.A SET v = N'beat' WHERE id = 1")

    assert run.get(1)[0]["data"] == {"id": 1, "v": "beat"}


@pytest.mark.parametrize("driver", get_args(Driver))
@pytest.mark.parametrize("fault", ["deadlock", "hang up", "cut", "drop"])
def test_what_passes_is_tried_again(
    server: SqlServer, start: Callable[..., Any], table: Table, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    """29, 30. Deadlock victim, lost connection, rows cut off in the middle: no change twice, none lost."""
    caplog.set_level("INFO", "dstream")
    table("A")
    run = start(batch_rows=50)
    run.follows()
    match fault:
        case "deadlock":
            server.faults.fail("update_mask", 1205, times=2)
        case "hang up":
            server.faults.hang_up("update_mask", times=2)
        case "cut":
            server.faults.cut_after = 3000
    values = ", ".join(f"({at}, N'a longer value than usual')" for at in range(200))
    server.execute(f"INSERT INTO A VALUES {values}")
    if fault == "drop":
        run.get(1)
        server.drop_all()
        server.execute("INSERT INTO A VALUES (200, N'x')")

    ids = [one["data"]["id"] for one in run.get(201 if fault == "drop" else 200)]

    assert ids == list(range(len(ids)))
    assert "trying again" in caplog.text


def test_a_server_that_stays_away_fails_the_run_after_the_retry_timeout(
    server: SqlServer, start: Callable[..., Any], table: Table
) -> None:
    """30."""
    table("A")
    run = start(retry_timeout="500ms")
    run.follows()
    server.stop()

    with pytest.raises(ProviderError, match=r"reached|20009|not answer"):
        run.until(lambda: False)


def test_a_refused_login_is_an_error_before_the_handshake(server: SqlServer, start: Callable[..., Any]) -> None:
    run = start(
        connection_string=f"Server={server.host},{server.port};Database={server.database};User Id=sa;Password=wrong"
    )

    with pytest.raises(ProviderError, match="login failed"):
        run.wait()


def test_more_tables_than_connections_are_merged_too(
    server: SqlServer, start: Callable[..., Any], table: Table
) -> None:
    """9. Many transactions over five tables with two connections, in small pages."""
    names = [f"T{at}" for at in range(5)]
    table(*names)
    run = start(batch_rows=3)
    run.follows()
    server.capture.stop()
    expected = []
    for at in range(60):
        name = names[at * 7 % 5]
        server.execute(f"INSERT INTO {name} VALUES ({at}, N'x')")
        expected.append((name, "Insert", at))
    server.capture.start()

    assert what(run.get(60)) == expected


@pytest.mark.parametrize("driver", get_args(Driver))
def test_a_query_that_hangs_does_not_keep_a_run_from_stopping(
    server: SqlServer, start: Callable[..., Any], table: Table
) -> None:
    table("A")
    run = start()
    run.follows()
    server.faults.delay("fn_cdc_get_max_lsn", 300)
    seen = len(server.faults.requests)
    run.until(lambda: len(server.faults.requests) > seen + 1 or server.faults.requests[seen:])

    run.stop()
