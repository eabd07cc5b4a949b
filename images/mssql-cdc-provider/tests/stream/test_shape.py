"""Tables and capture instances that come, go and change while they are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import pytest

from mssql_cdc_provider.connection_string import Driver
from tests.servers.sqlserver import SqlServer

Table = Callable[..., None]
Start = Callable[..., Any]

SECOND = (
    "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'A', @role_name = NULL, "
    "@capture_instance = N'dbo_A_2'"
)


def data(run: Any, count: int) -> list[dict[str, Any]]:
    return [one["data"] for one in run.get(count)]


def test_a_table_enabled_while_running_is_followed_from_there(server: SqlServer, start: Start, table: Table) -> None:
    """11, 17."""
    table("A")
    server.execute("CREATE TABLE dbo.B (id int PRIMARY KEY)", "INSERT INTO B VALUES (1)")
    run = start()
    run.follows()
    server.execute(
        "INSERT INTO A VALUES (1, N'x')",
        "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'B', @role_name = NULL",
        "INSERT INTO B VALUES (2)",
    )

    assert [(one["metadata"]["TableName"], one["data"]["id"]) for one in run.get(2)] == [("A", 1), ("B", 2)]


@pytest.mark.parametrize("driver", get_args(Driver))
def test_a_table_disabled_while_running_leaves_the_others(server: SqlServer, start: Start, table: Table) -> None:
    """17, 33."""
    table("A", "B")
    run = start()
    run.follows()
    server.execute(
        "EXEC sys.sp_cdc_disable_table @source_schema = N'dbo', @source_name = N'A', @capture_instance = N'all'",
        "INSERT INTO B VALUES (1, N'x')",
    )

    assert data(run, 1) == [{"id": 1, "v": "x"}]
    state = run.stop()
    assert {name: missing for _, name, missing in state["tables"]}["A"] is not None


@pytest.mark.parametrize("live", [True, False])
def test_a_second_capture_instance_takes_over_at_its_start(
    server: SqlServer, start: Start, table: Table, live: bool
) -> None:
    """18. A column is added: the old instance is read up to where the new one starts, and then that one."""
    table("A")
    run = start()
    run.follows()
    state = None if live else run.stop()
    server.execute(
        "INSERT INTO A VALUES (1, N'x')",
        "ALTER TABLE A ADD w int",
        "INSERT INTO A VALUES (2, N'x', 20)",
        SECOND,
        "INSERT INTO A VALUES (3, N'x', 30)",
        "UPDATE A SET w = 10 WHERE id = 1",
    )
    run = run if live else start(state)

    records = run.get(4)

    assert [one["data"] for one in records] == [
        {"id": 1, "v": "x"},
        {"id": 2, "v": "x"},
        {"id": 3, "v": "x", "w": 30},
        {"id": 1, "v": "x", "w": 10},
    ]
    versions = [one["metadata"]["SchemaVersion"] for one in records]
    assert versions[0] == versions[1] != versions[2] == versions[3]


def test_the_old_instance_can_go_once_the_new_one_is_read(server: SqlServer, start: Start, table: Table) -> None:
    """18, 22."""
    table("A")
    run = start()
    run.follows()
    server.execute("ALTER TABLE A ADD w int", SECOND, "INSERT INTO A VALUES (1, N'x', 10)")
    run.get(1)
    server.execute(
        "EXEC sys.sp_cdc_disable_table @source_schema = N'dbo', @source_name = N'A', @capture_instance = N'dbo_A'",
        "INSERT INTO A VALUES (2, N'x', 20)",
    )

    assert data(run, 2)[1] == {"id": 2, "v": "x", "w": 20}


def test_a_column_dropped_without_a_new_instance_still_streams(server: SqlServer, start: Start, table: Table) -> None:
    """19."""
    table("A", columns="id int PRIMARY KEY, v nvarchar(50), w int")
    run = start()
    run.follows()
    server.execute("INSERT INTO A VALUES (1, N'x', 5)", "ALTER TABLE A DROP COLUMN w", "INSERT INTO A VALUES (2, N'y')")

    assert data(run, 2) == [{"id": 1, "v": "x", "w": 5}, {"id": 2, "v": "y", "w": None}]


def test_a_column_of_another_type_is_another_version(server: SqlServer, start: Start, table: Table) -> None:
    """18."""
    table("A", columns="id int PRIMARY KEY, n int")
    run = start()
    run.follows()
    server.execute("INSERT INTO A VALUES (1, 5)")
    run.get(1)
    server.execute("ALTER TABLE A ALTER COLUMN n bigint", "INSERT INTO A VALUES (2, 5000000000)")

    records = run.get(2)

    assert records[1]["data"] == {"id": 2, "n": 5000000000}
    assert records[0]["metadata"]["SchemaVersion"] != records[1]["metadata"]["SchemaVersion"]


def test_a_renamed_table_keeps_its_name_until_the_next_run(server: SqlServer, start: Start, table: Table) -> None:
    """21."""
    table("A")
    run = start()
    run.follows()
    server.execute(
        "EXEC sp_rename N'dbo.A', N'Z'",
        "INSERT INTO Z VALUES (1, N'x')",
        "CREATE TABLE dbo.Other (id int PRIMARY KEY)",  # has the tables looked at anew
        "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'Other', @role_name = NULL",
        "INSERT INTO Z VALUES (2, N'x')",
    )
    assert [one["metadata"]["TableName"] for one in run.get(2)] == ["A", "A"]
    state = run.stop()
    server.execute("INSERT INTO Z VALUES (3, N'x')")

    assert [one["metadata"]["TableName"] for one in start(state).get(1)] == ["Z"]


def test_of_two_instances_with_the_same_start_the_newer_one_is_read(
    server: SqlServer, start: Start, table: Table
) -> None:
    """20."""
    table("A")
    server.execute("ALTER TABLE dbo.A ADD w int", SECOND, "INSERT INTO A VALUES (1, N'x', 5)")
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT MAX(start_lsn) AS mark FROM cdc.lsn_time_mapping")
        ((mark,),) = cursor.fetchall()
    for instance in ("dbo_A", "dbo_A_2"):  # the cleanup of both gives both the same start
        server.execute(f"EXEC sys.sp_cdc_cleanup_change_table N'{instance}', 0x{mark.hex()}, 5000")
    run = start()
    run.follows()
    server.execute("INSERT INTO A VALUES (2, N'x', 6)")

    assert data(run, 1) == [{"id": 2, "v": "x", "w": 6}]


def test_chosen_capture_instances_alone_are_read(server: SqlServer, start: Start, table: Table) -> None:
    """20."""
    table("A")
    server.execute("ALTER TABLE A ADD w int", SECOND)
    run = start(capture_instances=["*_A"])
    run.follows()
    server.execute("INSERT INTO A VALUES (1, N'x', 5)")

    assert data(run, 1) == [{"id": 1, "v": "x"}]


def test_a_subset_of_captured_columns_is_sent_as_it_is(server: SqlServer, start: Start) -> None:
    """20, 27. The mask counts captured columns, not the table's."""
    columns = ", ".join(f"c{at} int" for at in range(12))
    captured = ", ".join(["id", *(f"c{at}" for at in range(1, 12))])
    server.execute(
        f"CREATE TABLE dbo.A (id int PRIMARY KEY, {columns})",
        "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'A', @role_name = NULL, "
        f"@captured_column_list = N'{captured}'",
    )
    run = start()
    run.follows()
    server.execute("INSERT INTO A (id, c1, c11) VALUES (1, 1, 1)", "UPDATE A SET c11 = 2, c1 = 2 WHERE id = 1")

    record = run.get(2)[1]

    assert record["metadata"]["Changed"] == ["c1", "c11"]
    assert "c0" not in record["data"]


def test_odd_names_are_no_trouble(server: SqlServer, start: Start) -> None:
    """26."""
    server.execute(
        "CREATE TABLE dbo.[we'ird ]] {t}] (id int PRIMARY KEY, [a {c} 'd'] int)",
        "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'we''ird ] {t}', @role_name = NULL, "
        "@capture_instance = N'odd'",
    )
    run = start(tables=["dbo.*"])
    run.follows()
    server.execute("INSERT INTO dbo.[we'ird ]] {t}] VALUES (1, 2)")

    (record,) = run.get(1)

    assert record["metadata"]["TableName"] == "we'ird ] {t}"
    assert record["data"] == {"id": 1, "a {c} 'd'": 2}
