"""A server with tables that have rows before anybody reads them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.mssql import insert
from tests.servers.sqlserver import RealSqlServer, SqlServer, sql_server

ORDERS = 300


@pytest.fixture
def server() -> Iterator[SqlServer | RealSqlServer]:
    """`Orders` has 300 rows, `Items` 5; both are captured, and so is what happens from now on, at once."""
    with sql_server() as running:
        running.execute(
            "CREATE TABLE dbo.Orders (ID int NOT NULL PRIMARY KEY, Name nvarchar(50), Big nvarchar(max))",
            "CREATE TABLE dbo.Items (ID int NOT NULL PRIMARY KEY, Name nvarchar(50))",
            "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'Orders', @role_name = NULL",
            "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'Items', @role_name = NULL",
        )
        insert(running, "Orders", [(number, f"order {number}", "x" * 100) for number in range(ORDERS)])
        insert(running, "Items", [(number, f"item {number}") for number in range(5)])
        yield running
