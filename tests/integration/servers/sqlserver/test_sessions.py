"""Batches, transactions, isolation, locks and rights of a session. Runs against a real server too."""

from __future__ import annotations

import contextlib
import threading

import pymssql
import pytest

from tests.integration.servers.sqlserver.changes import enable, error_of
from tests.integration.servers.sqlserver.conftest import Ask, asking
from tests.servers.sqlserver import RealSqlServer, SqlServer

Server = SqlServer | RealSqlServer
LOCK = (
    "DECLARE @c int; EXEC @c = sp_getapplock @Resource = N'r', @LockMode = N'Exclusive',"
    " @LockOwner = N'{}', @LockTimeout = {}; SELECT @c AS c"
)
RELEASE = "EXEC sp_releaseapplock @Resource = N'r', @LockOwner = N'Session'"


@pytest.fixture(autouse=True)
def _table(server: Server) -> None:
    server.execute("CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY, a nvarchar(20))")


def test_a_batch_has_variables_conditions_and_loops(ask: Ask) -> None:
    assert ask(
        "DECLARE @at int = 0, @sum int = 0;"
        " WHILE @at < 5 BEGIN SET @at = @at + 1; IF @at = 3 SET @sum = @sum + 100 ELSE SET @sum = @sum + 1 END;"
        " SELECT @sum AS s"
    ) == [(104,)]


def test_statements_need_no_semicolons(ask: Ask) -> None:
    assert ask(
        "BEGIN TRAN INSERT INTO dbo.t SELECT 1, N'; SELECT' UNION ALL SELECT 2, N'it''s' /* ; */ COMMIT -- ;\n"
        "UPDATE dbo.t SET a = CASE WHEN id = 1 THEN N'one' ELSE a END SELECT a FROM dbo.t ORDER BY id"
    ) == [("one",), ("it's",)]


def test_an_error_may_be_caught(ask: Ask) -> None:
    assert ask(
        "BEGIN TRY INSERT INTO dbo.t VALUES (1, N'x'), (1, N'y') END TRY"
        " BEGIN CATCH SELECT ERROR_NUMBER() AS n, @@TRANCOUNT AS t END CATCH"
    ) == [(2627, 0)]


def test_errors_may_be_raised(server: Server) -> None:
    assert error_of(server, "THROW 50123, N'no', 1") == 50123
    assert error_of(server, "RAISERROR(N'no', 16, 1)") == 50000
    assert error_of(server, "COMMIT") == 3902
    assert error_of(server, "ROLLBACK") == 3903
    assert error_of(server, "SELECT @nothing AS n") == 137


def test_the_number_of_an_error_can_be_asked_for_in_the_next_batch(server: Server) -> None:
    with server.connect() as connection:
        ask = asking(connection)
        for sql, number in (("SELECT * FROM dbo.nothing", 208), ("THROW 50123, N'no', 1", 50123)):
            with pytest.raises(pymssql.Error):
                ask(sql)
            assert ask("SELECT @@ERROR AS n") == [(number,)]
            assert ask("SELECT @@ERROR AS n") == [(0,)]


def test_statements_are_run_with_parameters(ask: Ask) -> None:
    assert ask(
        "EXEC sys.sp_executesql N'SELECT @a AS a, @b AS b', N'@a int, @b nvarchar(9)', @b = N'it''s', @a = 5"
    ) == [(5, "it's")]


def test_transactions_nest_by_count(ask: Ask) -> None:
    ask("BEGIN TRAN; BEGIN TRAN; INSERT INTO dbo.t VALUES (1, N'x'); COMMIT")
    assert ask("SELECT @@TRANCOUNT AS n, XACT_STATE() AS x") == [(1, 1)]
    ask("ROLLBACK")
    assert ask("SELECT COUNT(*) AS n FROM dbo.t") == [(0,)]


def test_a_snapshot_reads_one_moment(server: Server, ask: Ask) -> None:
    ask("INSERT INTO dbo.t VALUES (1, N'x')")
    begin = "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; SELECT COUNT(*) AS n FROM dbo.t"
    assert error_of(server, begin) == 3952
    server.execute(f"ALTER DATABASE {server.database} SET ALLOW_SNAPSHOT_ISOLATION ON")
    assert ask("SELECT snapshot_isolation_state AS s FROM sys.databases WHERE name = DB_NAME()") == [(1,)]
    with server.connect() as connection:
        reader = asking(connection)
        assert reader(begin) == [(1,)]
        ask("INSERT INTO dbo.t VALUES (2, N'y')")
        assert reader("SELECT COUNT(*) AS n FROM dbo.t") == [(1,)]
        assert reader("COMMIT; SELECT COUNT(*) AS n FROM dbo.t") == [(2,)]


def test_who_reads_an_earlier_moment_gives_nobody_else_the_tables_of_then(server: Server, ask: Ask) -> None:
    server.execute(f"ALTER DATABASE {server.database} SET ALLOW_SNAPSHOT_ISOLATION ON")
    with server.connect() as connection:
        reader = asking(connection)
        reader("SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; SELECT COUNT(*) AS n FROM dbo.t")
        ask("ALTER TABLE dbo.t ADD b int NULL")
        with contextlib.suppress(pymssql.Error):  # 3961: a real server does not go back before the change
            reader("SELECT COUNT(*) AS n FROM dbo.t")
        ask("INSERT INTO dbo.t VALUES (1, N'x', 2)")
        ask("UPDATE dbo.t SET b = 3")
        assert ask("SELECT id, b FROM dbo.t") == [(1, 3)]


def test_a_lock_is_held_by_one_session_until_it_ends(server: Server) -> None:
    holder = server.connect()
    with server.connect() as connection:
        other = asking(connection)
        assert asking(holder)(LOCK.format("Session", 0)) == [(0,)]
        assert other(LOCK.format("Session", 0)) == [(-1,)]
        assert asking(holder)("SELECT APPLOCK_MODE(N'public', N'r', N'Session') AS m") == [("Exclusive",)]
        waited: list[object] = []
        waiter = threading.Thread(target=lambda: waited.extend(other(LOCK.format("Session", 10_000))))
        waiter.start()
        holder.close()
        waiter.join()
        assert waited in ([(0,)], [(1,)])
        other(RELEASE)
    assert error_of(server, RELEASE) == 1223


def test_a_lock_of_a_transaction_ends_with_it(server: Server, ask: Ask) -> None:
    ask("BEGIN TRAN")
    assert ask(LOCK.format("Transaction", 0)) == [(0,)]
    with server.connect() as connection:
        assert asking(connection)(LOCK.format("Session", 0)) == [(-1,)]
        ask("COMMIT")
        assert asking(connection)(LOCK.format("Session", 0)) == [(0,)]


def test_properties_are_kept_with_the_database(server: Server, ask: Ask) -> None:
    ask("EXEC sys.sp_addextendedproperty @name = N'p', @value = N'1'")
    assert error_of(server, "EXEC sys.sp_addextendedproperty @name = N'p', @value = N'1'") == 15233
    ask("EXEC sys.sp_updateextendedproperty @name = N'p', @value = N'2'")
    assert ask("SELECT CAST(value AS nvarchar(9)) AS v FROM sys.extended_properties WHERE class = 0") == [("2",)]
    ask("EXEC sys.sp_dropextendedproperty @name = N'p'")
    assert error_of(server, "EXEC sys.sp_dropextendedproperty @name = N'p'") == 15217


@pytest.fixture
def reader(server: Server) -> dict[str, str]:
    """A login without rights, and what to connect with."""
    name, password = f"reader_{id(server)}", "Secret-1!x"
    server.execute(f"CREATE LOGIN {name} WITH PASSWORD = '{password}'", f"CREATE USER {name} FOR LOGIN {name}")
    return {"user": name, "password": password}


def test_a_login_may_do_what_it_was_granted(server: Server, reader: dict[str, str]) -> None:
    name = reader["user"]
    enable(server, "t")
    with server.connect(**reader) as connection:
        ask = asking(connection)
        assert ask("SELECT IS_SRVROLEMEMBER(N'sysadmin') AS s, IS_MEMBER(N'db_owner') AS o, USER_NAME() AS u") == [
            (0, 0, name)
        ]
        assert ask("SELECT name FROM sys.tables WHERE name = N't'") == []
        assert error_of(server, "SELECT * FROM dbo.t", **reader) == 229
        assert error_of(server, "SELECT * FROM cdc.change_tables", **reader) == 229
        assert error_of(server, "SELECT * FROM sys.dm_cdc_log_scan_sessions", **reader) == 262
        server.execute(f"GRANT SELECT ON dbo.t TO {name}", f"GRANT SELECT ON SCHEMA::cdc TO {name}")
        assert ask("SELECT name FROM sys.tables WHERE name = N't'") == [("t",)]
        assert ask("SELECT HAS_PERMS_BY_NAME(N'dbo.t', N'OBJECT', N'SELECT') AS p") == [(1,)]
        assert ask("SELECT * FROM dbo.t") == []
        assert ("dbo_t",) in ask("SELECT capture_instance FROM cdc.change_tables")


def test_a_role_gates_the_changes(server: Server, ask: Ask, reader: dict[str, str]) -> None:
    ask("EXEC sys.sp_cdc_enable_table N'dbo', N't', N'gate'")
    ask("INSERT INTO dbo.t VALUES (1, N'x')")
    ask(f"GRANT SELECT ON dbo.t TO {reader['user']}")
    server.settle()
    window = "sys.fn_cdc_get_min_lsn(N'dbo_t'), sys.fn_cdc_get_max_lsn(), N'all'"
    changes = f"SELECT id FROM cdc.fn_cdc_get_all_changes_dbo_t({window})"
    assert error_of(server, changes, **reader) == 229
    ask(f"ALTER ROLE gate ADD MEMBER {reader['user']}")
    with server.connect(**reader) as connection:
        assert asking(connection)(changes) == [(1,)]


def test_only_owners_change_the_schema(server: Server, reader: dict[str, str]) -> None:
    assert error_of(server, "EXEC sys.sp_cdc_enable_db", **reader) == 22902
    assert error_of(server, "EXEC sys.sp_cdc_enable_table N'dbo', N't', NULL", **reader) == 22904
