"""Capture instances that follow a table's columns by themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dstream_sdk import Checkpoint
from mssql_cdc_provider.infrastructure.records import Owner, read_records
from mssql_cdc_provider.session import Session
from tests.servers.sqlserver import SqlServer

Table = Callable[..., None]
Start = Callable[..., Any]


def instances(server: SqlServer) -> list[str]:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT capture_instance FROM cdc.change_tables ORDER BY capture_instance")
        return [row[0] for row in cursor.fetchall()]


def test_a_new_column_makes_a_new_instance_and_the_old_one_goes_once_nobody_needs_it(
    server: SqlServer, start: Start, table: Table
) -> None:
    """18."""
    table("A")
    run = start(manage_capture_instances=True)
    run.follows()
    server.execute("INSERT INTO A VALUES (1, N'x')", "ALTER TABLE A ADD w int")
    run.until(lambda: instances(server) == ["dbo_A", "dbo_A_2"])
    server.execute("INSERT INTO A VALUES (2, N'x', 20)")
    assert [one["data"] for one in run.get(2)] == [{"id": 1, "v": "x"}, {"id": 2, "v": "x", "w": 20}]
    states = len(run.states)
    run.until(lambda: len(run.states) > states + 3)
    assert instances(server) == ["dbo_A", "dbo_A_2"], "nothing is acknowledged yet"

    run.provider.acknowledged(Checkpoint(run.states[-1][1]))

    run.until(lambda: instances(server) == ["dbo_A_2"])
    server.execute("INSERT INTO A VALUES (3, N'x', 30)")
    assert run.get(3)[2]["data"] == {"id": 3, "v": "x", "w": 30}
    session = Session(run.provider.config.target, query_timeout_s=30)
    (made,) = read_records(session).values()
    assert (made.thing.name, made.owners) == ("dbo_A_2", (Owner("", "orders"),))
    session.close()


def test_columns_left_out_on_purpose_make_no_new_instance(server: SqlServer, start: Start) -> None:
    server.execute(
        "CREATE TABLE dbo.A (id int PRIMARY KEY, v nvarchar(50))",
        "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'A', @role_name = NULL, "
        "@captured_column_list = N'id'",
    )
    run = start(manage_capture_instances=True)
    run.until(lambda: len(run.states) > 3)

    assert instances(server) == ["dbo_A"]


def test_who_does_not_ask_for_it_gets_no_new_instance(server: SqlServer, start: Start, table: Table) -> None:
    table("A")
    run = start()
    run.follows()
    server.execute("ALTER TABLE A ADD w int", "INSERT INTO A VALUES (1, N'x', 5)")

    assert run.get(1)[0]["data"] == {"id": 1, "v": "x"}
    assert instances(server) == ["dbo_A"]
