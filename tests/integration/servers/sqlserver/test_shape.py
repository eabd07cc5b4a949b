"""Tables that change their shape while they are captured. Runs against a real server too."""

from __future__ import annotations

import duckdb
import pytest

from tests.integration.servers.sqlserver.changes import changes, enable, error_of
from tests.integration.servers.sqlserver.conftest import Ask
from tests.servers.sqlserver import RealSqlServer, SqlServer
from tests.servers.sqlserver.errors import translated

Server = SqlServer | RealSqlServer


@pytest.fixture(autouse=True)
def _table(server: Server) -> None:
    server.execute("CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY, a nvarchar(20), b int)")
    enable(server, "t")


def test_an_added_column_is_not_captured_by_an_older_instance(server: Server, ask: Ask) -> None:
    ask("ALTER TABLE dbo.t ADD c int NULL, d nvarchar(5) NOT NULL DEFAULT N'd'")
    ask("INSERT INTO dbo.t (id, a, b, c) VALUES (1, N'x', 2, 3)")
    enable(server, "t", capture_instance="newer")
    ask("UPDATE dbo.t SET c = 4")
    older = changes(server, "dbo_t")
    assert [change.values for change in older] == [(1, "x", 2)] * 3
    assert older[-1].mask == b"\x00"
    assert [change.values for change in changes(server, "newer")] == [(1, "x", 2, 3, "d"), (1, "x", 2, 4, "d")]


def test_a_dropped_column_is_null_from_then_on(server: Server, ask: Ask) -> None:
    ask("INSERT INTO dbo.t VALUES (1, N'x', 1)")
    server.settle()
    ask("ALTER TABLE dbo.t DROP COLUMN a")
    ask("INSERT INTO dbo.t VALUES (2, 2)")
    assert [change.values for change in changes(server, "dbo_t")] == [(1, "x", 1), (2, None, 2)]
    assert ask("SELECT name FROM sys.columns WHERE object_id = OBJECT_ID(N'dbo.t') ORDER BY column_id") == [
        ("id",),
        ("b",),
    ]


def test_a_retyped_column_is_retyped_in_the_change_table_too(server: Server, ask: Ask) -> None:
    ask("INSERT INTO dbo.t VALUES (1, N'x', 1)")
    server.settle()
    ask("ALTER TABLE dbo.t ALTER COLUMN b bigint NULL")
    ask("INSERT INTO dbo.t VALUES (2, N'y', 5000000000)")
    assert [change.values[2] for change in changes(server, "dbo_t")] == [1, 5_000_000_000]
    types = "SELECT DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = N'{}' AND COLUMN_NAME = N'b'"
    assert ask(types.format("t")) == ask(types.format("dbo_t_CT")) == [("bigint",)]


def test_statements_are_kept_in_the_history(server: Server, ask: Ask) -> None:
    ask("ALTER TABLE dbo.t ADD c int")
    ask("ALTER TABLE dbo.t ALTER COLUMN b bigint")
    server.settle()
    history = ask("EXEC sys.sp_cdc_get_ddl_history @capture_instance = N'dbo_t'")
    assert [(bool(row[3]), "ADD c int" in row[4]) for row in history] == [(False, True), (True, False)]


def test_a_captured_column_keeps_its_name(server: Server, ask: Ask) -> None:
    assert error_of(server, "EXEC sp_rename N'dbo.t.a', N'renamed', N'COLUMN'") == 4928
    ask("EXEC sys.sp_cdc_disable_table N'dbo', N't', N'all'")
    ask("EXEC sp_rename N'dbo.t.a', N'renamed', N'COLUMN'")
    enable(server, "t", capture_instance="again")
    ask("INSERT INTO dbo.t (id, renamed) VALUES (1, N'x')")
    assert changes(server, "again")[0].values == (1, "x", None)


def test_a_renamed_table_is_captured_on(server: Server, ask: Ask) -> None:
    ask("EXEC sp_rename N'dbo.t', N'renamed'")
    ask("INSERT INTO dbo.renamed VALUES (1, N'x', 1)")
    assert changes(server, "dbo_t")[0].values == (1, "x", 1)
    assert error_of(server, "SELECT * FROM dbo.t") == 208


@pytest.mark.parametrize("name", ["t", "two words", "it's"])
def test_a_table_that_went_while_it_was_asked_for_is_missing_whatever_its_name(name: str) -> None:
    with duckdb.connect() as database, pytest.raises(duckdb.CatalogException) as raised:
        database.execute(f'SELECT * FROM "{name}"')
    assert translated(raised.value).number == 208


def test_a_captured_table_is_not_truncated(server: Server, ask: Ask) -> None:
    assert error_of(server, "TRUNCATE TABLE dbo.t") == 4711


def test_a_dropped_table_takes_its_instances_with_it(server: Server, ask: Ask) -> None:
    ask("DROP TABLE dbo.t")
    assert error_of(server, "SELECT * FROM cdc.dbo_t_CT") == 208
    assert ("dbo_t",) not in ask("SELECT capture_instance FROM cdc.change_tables")


def test_a_database_without_capture_has_none_of_it(server: Server, ask: Ask) -> None:
    ask("EXEC sys.sp_cdc_disable_db")
    assert ask("SELECT is_cdc_enabled FROM sys.databases WHERE name = DB_NAME()") == [(False,)]
    assert error_of(server, "SELECT * FROM cdc.change_tables") == 208
    assert error_of(server, "EXEC sys.sp_cdc_enable_table N'dbo', N't', NULL") == 22901
    ask("EXEC sys.sp_cdc_enable_db")
    assert ask("SELECT capture_instance FROM cdc.change_tables") == []
