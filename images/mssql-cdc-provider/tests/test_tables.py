"""What is read of tables and capture instances."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from mssql_cdc_provider.session import Session
from mssql_cdc_provider.sql_errors import Gone
from mssql_cdc_provider.tables import TableName, read_instances, read_tables, table_names
from tests.servers.sqlserver import SqlServer
from tests.streams import until

ORDERS, CARS, LOOSE = TableName("dbo", "Orders"), TableName("sales", "Ca]rs"), TableName("dbo", "Loose")


@pytest.fixture
def tables(server: SqlServer) -> SqlServer:
    server.execute(
        "CREATE SCHEMA sales",
        "CREATE TABLE dbo.Orders (a int NOT NULL, b nvarchar(20) NOT NULL, c decimal(10,2), d varbinary(max), "
        "e datetime2(3), f nvarchar(max), PRIMARY KEY (b, a))",
        "CREATE TABLE sales.[Ca]]rs] (id int NOT NULL, plate varchar(10) NULL, vin char(17) NOT NULL)",
        "CREATE UNIQUE INDEX by_plate ON sales.[Ca]]rs] (plate)",
        "CREATE UNIQUE INDEX by_vin ON sales.[Ca]]rs] (vin)",
        "CREATE TABLE dbo.Loose (x int)",
        "EXEC sys.sp_cdc_enable_db",
    )
    return server


def test_every_user_table_is_found_and_none_of_cdcs_own(tables: SqlServer, session: Session) -> None:
    assert table_names(session) == [LOOSE, ORDERS, CARS]


def test_types_are_given_as_they_are_declared(tables: SqlServer, session: Session) -> None:
    (orders,) = read_tables(session, [ORDERS])
    assert [(column.name, column.declared) for column in orders.columns] == [
        ("a", "int"),
        ("b", "nvarchar(20)"),
        ("c", "decimal(10,2)"),
        ("d", "varbinary(max)"),
        ("e", "datetime2(3)"),
        ("f", "nvarchar(max)"),
    ]
    assert [column.nullable for column in orders.columns] == [False, False, True, True, True, True]
    assert [column.name for column in orders.columns if column.is_large] == ["d", "f"]


def test_the_key_is_the_primary_key_in_index_order_else_a_unique_index_without_nulls(
    tables: SqlServer, session: Session
) -> None:
    """24. A table without a key has none; one with a unique index alone has that one."""
    keys = {table.name: table.key for table in read_tables(session, [ORDERS, CARS, LOOSE])}
    assert keys == {ORDERS: ("b", "a"), CARS: ("vin",), LOOSE: ()}


def test_a_table_that_is_gone_is_left_out(tables: SqlServer, session: Session) -> None:
    tables.execute("DROP TABLE dbo.Loose")
    assert [table.name for table in read_tables(session, [LOOSE, ORDERS])] == [ORDERS]


def test_capture_instances_come_by_table_and_start_with_their_columns_in_order(
    tables: SqlServer, session: Session
) -> None:
    """20. A subset of captured columns, in the order of the mask's bits."""
    enable = "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'Orders', @role_name = N'reader', "
    tables.execute(
        enable + "@capture_instance = N'first', @captured_column_list = N'b, a, c'",
        enable + "@capture_instance = N'another'",
    )
    first, second = read_instances(session)
    assert (first.name, second.name, first.table, first.role) == ("first", "another", ORDERS, "reader")
    assert [column.declared for column in first.columns] == ["int", "nvarchar(20)", "decimal(10,2)"]
    assert len(second.columns) == 6
    assert first.key == ("b", "a")
    assert first.start_lsn < second.start_lsn
    assert len(first.start_lsn) == 10
    (orders,) = read_tables(session, [ORDERS])
    assert (orders.captured, orders.object_id) == (True, first.table_id)


def test_an_instance_that_goes_while_it_is_looked_at_is_left_out(tables: SqlServer, session: Session) -> None:
    """Its change table is still there for the first queries and its columns are not for the last: it had none."""
    source = "@source_schema = N'dbo', @source_name = N'Orders', "
    for name in ("stays", "goes"):
        tables.execute(f"EXEC sys.sp_cdc_enable_table {source}@role_name = NULL, @capture_instance = N'{name}'")
    answer = tables.faults.hold("FROM cdc.captured_columns")
    with ThreadPoolExecutor(1) as aside:
        found = aside.submit(read_instances, session)
        until(lambda: any("FROM cdc.captured_columns" in sql for sql in tables.faults.requests), "the last queries")
        tables.execute(f"EXEC sys.sp_cdc_disable_table {source}@capture_instance = N'goes'")
        answer.set()
        assert [instance.name for instance in found.result(30)] == ["stays"]


def test_without_cdc_there_are_no_capture_instances(server: SqlServer, session: Session) -> None:
    with pytest.raises(Gone):
        read_instances(session)
