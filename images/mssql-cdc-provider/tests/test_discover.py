"""`discover`: what tables there are, as outputs and people are told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dstream_sdk import Column, ProviderError
from mssql_cdc_provider.provider import MssqlCdc
from tests.servers.sqlserver import SqlServer

Make = Callable[..., MssqlCdc]


@pytest.fixture
def tables(server: SqlServer) -> SqlServer:
    server.execute(
        "CREATE TABLE dbo.Orders (id int PRIMARY KEY, item nvarchar(20), price decimal(10,2) NOT NULL)",
        "CREATE TABLE dbo.Cars (id int PRIMARY KEY)",
        "EXEC sys.sp_cdc_enable_db",
        "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'Orders', @role_name = NULL",
    )
    return server


def test_columns_types_and_keys_are_given(tables: SqlServer, provider: Make) -> None:
    (stream,) = provider().discover()
    assert (stream.name, stream.schema) == ("Orders", "dbo")
    assert stream.columns == [
        Column("id", "int", nullable=False, key=True),
        Column("item", "nvarchar(20)"),
        Column("price", "decimal(10,2)", nullable=False),
    ]


def test_capture_instances_and_retention_are_given(tables: SqlServer, provider: Make) -> None:
    (stream,) = provider().discover()
    (instance,) = stream.metadata["capture_instances"]
    assert (instance["name"], instance["columns"]) == ("dbo_Orders", ["id", "item", "price"])
    assert len(instance["start_lsn"]) == 20
    assert stream.metadata["retention_minutes"] == 4320


def test_a_table_that_is_not_captured_yet_is_given_all_the_same(tables: SqlServer, provider: Make) -> None:
    (stream,) = provider(tables=["Cars"]).discover()
    assert (stream.name, stream.metadata["captured"]) == ("Cars", False)


def test_chosen_columns_come_in_the_order_of_the_config(tables: SqlServer, provider: Make) -> None:
    (stream,) = provider(columns={"*": ["price", "ID"]}).discover()
    assert [column.name for column in stream.columns] == ["price", "id"]


def test_a_name_that_means_no_table_is_warned_of_beside_those_that_do(
    tables: SqlServer, provider: Make, caplog: pytest.LogCaptureFixture
) -> None:
    assert [stream.name for stream in provider(tables=["Orders", "Custmers", "C*"]).discover()] == ["Cars", "Orders"]
    assert [record.getMessage() for record in caplog.records] == [
        "`Custmers` of `tables` means no table that the login may see"
    ]


def test_no_table_at_all_is_an_error_with_a_hint(tables: SqlServer, provider: Make) -> None:
    with pytest.raises(ProviderError, match="no table") as refused:
        list(provider(tables=["Nothing"]).discover())
    assert "dstream check" in refused.value.hint
