"""What goes wrong at the emulated server on request, as pymssql sees it."""

from __future__ import annotations

import threading
from typing import Any

import pymssql
import pytest

from tests.integration.servers.sqlserver.changes import error_of
from tests.integration.servers.sqlserver.conftest import Ask, asking
from tests.servers.sqlserver import SqlServer

ROWS = "SELECT value AS n, REPLICATE(N'x', 100) AS x FROM GENERATE_SERIES(1, 5000)"


def failure_of(ask: Ask, sql: str) -> int:
    with pytest.raises(pymssql.Error) as raised:
        ask(sql)
    first: Any = raised.value.args[0]
    return int(first[0] if isinstance(first, tuple) else first)


def test_a_deadlock_ends_the_transaction_and_not_the_connection(emulated: SqlServer, ask_emulated: Ask) -> None:
    ask_emulated("CREATE TABLE dbo.t (id int PRIMARY KEY)")
    ask_emulated("BEGIN TRAN; INSERT INTO dbo.t VALUES (1)")
    emulated.faults.fail("VALUES \\(2\\)", 1205)
    assert failure_of(ask_emulated, "INSERT INTO dbo.t VALUES (2)") == 1205
    assert ask_emulated("SELECT @@TRANCOUNT AS n") == [(0,)]
    assert ask_emulated("SELECT COUNT(*) AS n FROM dbo.t") == [(0,)]


def test_of_two_writers_of_one_row_the_second_is_a_deadlock_victim(emulated: SqlServer, ask_emulated: Ask) -> None:
    ask_emulated("CREATE TABLE dbo.t (id int PRIMARY KEY, a int); INSERT INTO dbo.t VALUES (1, 1)")
    ask_emulated("BEGIN TRAN; UPDATE dbo.t SET a = 2")
    other = asking(emulated.connect())
    assert failure_of(other, "UPDATE dbo.t SET a = 3") == 1205
    ask_emulated("COMMIT")
    other("UPDATE dbo.t SET a = a + 10")
    assert ask_emulated("SELECT a FROM dbo.t") == [(12,)]


def test_a_fault_meets_as_many_requests_as_it_is_told(emulated: SqlServer, ask_emulated: Ask) -> None:
    emulated.faults.fail("MAX_LSN", 1205, times=2)
    sql = "SELECT sys.fn_cdc_get_max_lsn() AS l"
    assert [failure_of(ask_emulated, sql) for _ in range(2)] == [1205, 1205]
    assert ask_emulated("SELECT 1 AS one") == [(1,)]
    assert ask_emulated(sql) == [(None,)]
    assert emulated.faults.requests.count(sql) == 3


def test_a_connection_that_is_hung_up_is_of_no_more_use(emulated: SqlServer) -> None:
    emulated.faults.hang_up("SELECT 1")
    connection = emulated.connect()
    ask = asking(connection)
    assert failure_of(ask, "SELECT 1 AS one") in (20017, 20003, 20047)
    with pytest.raises(pymssql.InterfaceError):
        ask("SELECT 2 AS two")


def test_an_answer_is_cut_in_the_middle_of_its_rows(emulated: SqlServer) -> None:
    emulated.faults.cut_after = 100_000
    cursor = emulated.connect().cursor()
    cursor.execute(ROWS)
    got: list[object] = []
    with pytest.raises(pymssql.OperationalError):
        got.extend(iter(cursor))
    assert 0 < len(got) < 5000


def test_every_connection_is_dropped_and_new_ones_are_taken(emulated: SqlServer) -> None:
    asks = [asking(emulated.connect()) for _ in range(2)]
    emulated.drop_all()
    for ask in asks:
        assert failure_of(ask, "SELECT 1 AS one") in (20003, 20017, 20047)
    assert asking(emulated.connect())("SELECT 1 AS one") == [(1,)]


def test_a_late_answer_is_a_timeout(emulated: SqlServer) -> None:
    emulated.faults.delay("SELECT 1", 30)
    with pytest.raises(pymssql.OperationalError, match="20003"):
        asking(emulated.connect(timeout=1))("SELECT 1 AS one")


def test_a_stopped_server_refuses_and_comes_back_with_its_data(emulated: SqlServer, ask_emulated: Ask) -> None:
    ask_emulated("CREATE TABLE dbo.t (id int); INSERT INTO dbo.t VALUES (7)")
    port = emulated.port
    emulated.stop()
    with pytest.raises(pymssql.OperationalError):
        emulated.connect(login_timeout=1)
    emulated.start()
    assert emulated.port == port
    assert asking(emulated.connect())("SELECT id FROM dbo.t") == [(7,)]


def test_a_transaction_of_a_broken_connection_is_rolled_back(emulated: SqlServer, ask_emulated: Ask) -> None:
    ask_emulated("CREATE TABLE dbo.t (id int)")
    asking(emulated.connect())("BEGIN TRAN; INSERT INTO dbo.t VALUES (1)")
    emulated.stop()  # which waits for the sessions to end
    emulated.start()
    assert asking(emulated.connect())("SELECT COUNT(*) AS n FROM dbo.t") == [(0,)]


def test_a_wrong_password_is_refused(emulated: SqlServer) -> None:
    with pytest.raises(pymssql.OperationalError, match="18456"):
        emulated.connect(password="wrong")


def test_an_unknown_statement_harms_no_other(emulated: SqlServer, ask_emulated: Ask) -> None:
    assert error_of(emulated, "SELECT FROM WHERE") == 102
    assert error_of(emulated, "EXEC dbo.no_such_thing") == 2812
    assert error_of(emulated, "SELECT nothing FROM sys.tables") == 207
    assert ask_emulated("SELECT 1 AS one") == [(1,)]


def test_many_clients_are_served_at_once(emulated: SqlServer, ask_emulated: Ask) -> None:
    ask_emulated("CREATE TABLE dbo.t (id int PRIMARY KEY)")
    failures: list[BaseException] = []

    def write(first: int) -> None:
        try:
            ask = asking(emulated.connect())
            for at in range(first, first + 10):
                ask(f"INSERT INTO dbo.t VALUES ({at})")
        except BaseException as failure:  # noqa: BLE001  # told by the assertion below
            failures.append(failure)

    writers = [threading.Thread(target=write, args=(first,)) for first in (0, 100, 200)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failures
    assert ask_emulated("SELECT COUNT(*) AS n FROM dbo.t") == [(30,)]
