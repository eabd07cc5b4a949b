"""The session: whole results, deadlines, and every failure told by what to do about it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import pymssql
import pytest
from pymssql import _mssql

from dstream_sdk import Context
from dstream_sdk.stop import Stop
from mssql_cdc_provider.connection_string import Driver, Target, parse
from mssql_cdc_provider.drivers import connect
from mssql_cdc_provider.retrying import retry
from mssql_cdc_provider.session import Session
from mssql_cdc_provider.sql_errors import (
    Changed,
    Deadlock,
    Denied,
    Gone,
    LoginFailed,
    Lost,
    OutOfRange,
    SqlError,
    Stopping,
    Transient,
    Unavailable,
    classified,
)
from tests.servers.sqlserver import SqlServer

Targets = Callable[..., Target]


@pytest.fixture(params=get_args(Driver))
def driver(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def target(server: SqlServer, driver: Driver) -> Targets:
    def made(more: str = "", **changed: str) -> Target:
        login = {"User Id": server.user, "Password": server.password, **changed}
        given = ";".join(f"{key}={value}" for key, value in login.items())
        address = f"Server={server.host},{server.port};Database={server.database}"
        return replace(parse(f"{address};{given};Connect Timeout=30;{more}"), driver=driver)

    return made


def test_values_arrive_as_they_were_given(session: Session) -> None:
    page = session.page(
        "SELECT {text} AS words, {ascii} AS ascii_bytes, {nothing} AS nothing",
        text="it's 100% {sure}",
        ascii=b"0123456789",
        nothing=None,
    )
    assert page.columns == ("words", "ascii_bytes", "nothing")
    assert page.rows == [("it's 100% {sure}", b"0123456789", None)]


def test_what_the_driver_lets_through_from_its_lower_half_is_a_lost_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It has no base in common with the driver's other errors, and comes when a connection ends while it is made."""

    def broken(**_: object) -> None:
        raise _mssql.MSSQLDatabaseException((20017, b"DB-Lib error message 20017, severity 9:\nUnexpected EOF\n"))

    monkeypatch.setattr(pymssql, "connect", broken)
    with pytest.raises(Lost, match=r"cannot be reached: .*Unexpected EOF"):
        connect(parse("Server=sql;Database=d;User Id=u;Password=p"), 2)


def test_the_first_result_of_several_is_given_and_the_next_query_starts_clean(session: Session) -> None:
    assert session.query("SELECT 1 AS a; SELECT 2 AS b") == [(1,)]
    assert session.query("SELECT 3 AS c") == [(3,)]


def test_a_statement_without_rows_gives_none(session: Session) -> None:
    assert session.query("CREATE TABLE dbo.t (id int PRIMARY KEY)") == []
    assert session.query("INSERT INTO dbo.t VALUES (1), (2)") == []
    assert session.query("SELECT id FROM dbo.t ORDER BY id") == [(1,), (2,)]


def test_a_query_under_way_leaves_time_for_something_else(server: SqlServer, session: Session) -> None:
    server.faults.delay("SELECT 7", 0.3)
    pending = session.begin("SELECT 7 AS a")
    assert pending.page().rows == [(7,)]


def test_an_error_leaves_the_connection_as_it_is(session: Session) -> None:
    with pytest.raises(Gone) as gone:
        session.query("SELECT * FROM dbo.nothing")
    assert gone.value.number == 208
    assert session.query("SELECT 1 AS a") == [(1,)]
    assert session.generation == 1


@pytest.mark.parametrize(
    ("number", "expected"),
    [(313, OutOfRange), (1222, Deadlock), (229, Denied), (942, Unavailable), (2812, Gone), (245, SqlError)],
)
def test_the_servers_number_says_what_went_wrong(
    server: SqlServer, session: Session, number: int, expected: type[SqlError]
) -> None:
    server.faults.fail("SELECT 1", number)
    with pytest.raises(SqlError) as failed:
        session.query("SELECT 1 AS a")
    assert type(failed.value) is expected
    assert failed.value.number == number


def test_a_missing_column_means_that_the_shape_changed(session: Session) -> None:
    session.query("CREATE TABLE dbo.t (id int PRIMARY KEY)")
    with pytest.raises(Changed):
        session.query("SELECT nothing FROM dbo.t")


def test_a_deadlock_victim_keeps_its_connection(server: SqlServer, session: Session) -> None:
    session.query("SELECT 1 AS a")
    server.faults.fail("SELECT 2", 1205)
    with pytest.raises(Deadlock):
        session.query("SELECT 2 AS a")
    assert session.query("SELECT 2 AS a") == [(2,)]
    assert session.generation == 1


def test_a_dropped_connection_is_lost_and_made_anew(server: SqlServer, session: Session) -> None:
    session.query("SELECT 1 AS a")
    server.drop_all()
    with pytest.raises(Lost):
        session.query("SELECT 2 AS a")
    assert session.query("SELECT 3 AS a") == [(3,)]
    assert session.generation == 2


def test_a_result_cut_in_its_middle_gives_no_row(server: SqlServer, session: Session) -> None:
    session.query("CREATE TABLE dbo.t (id int PRIMARY KEY, v nvarchar(200))")
    rows = ", ".join(f"({one}, N'{'x' * 100}')" for one in range(500))
    session.query(f"INSERT INTO dbo.t VALUES {rows}")
    server.faults.cut_after = 30_000
    with pytest.raises(Lost):
        session.query("SELECT * FROM dbo.t")
    assert len(session.query("SELECT * FROM dbo.t")) == 500


def test_a_server_that_does_not_answer_is_given_up_at_the_deadline(server: SqlServer, target: Targets) -> None:
    session = Session(target(), query_timeout_s=1.5)
    session.query("SELECT 1 AS a")
    server.faults.delay("SELECT 2", 20)
    with pytest.raises(Lost, match=r"did not answer within 1\.5 s"):
        session.query("SELECT 2 AS a")
    assert session.query("SELECT 3 AS a") == [(3,)]
    session.close()


def test_a_wish_to_stop_ends_the_wait_for_a_query(server: SqlServer, target: Targets) -> None:
    stop = Stop()
    session = Session(target(), query_timeout_s=60, stopping=lambda: stop.requested)
    session.query("SELECT 1 AS a")
    server.faults.delay("SELECT 2", 20)
    pending = session.begin("SELECT 2 AS a")
    threading.Timer(0.1, stop.request, ("SIGTERM came",)).start()
    with pytest.raises(Stopping):
        pending.page()
    # What is quick is still done, so that a lock can be given back.
    assert session.query("SELECT 3 AS a") == [(3,)]
    session.close()


def test_a_wrong_password_and_a_closed_port_are_told_apart_whatever_came_before(
    server: SqlServer, target: Targets
) -> None:
    for _ in range(2):
        with pytest.raises(LoginFailed, match="login failed for user `sa`"):
            Session(target(Password="wrong"), query_timeout_s=30).query("SELECT 1 AS a")
    server.stop()
    with pytest.raises(Lost, match="cannot be reached"):
        Session(target(), query_timeout_s=30).query("SELECT 1 AS a")


def test_encryption_without_trust_needs_no_known_certificate(server: SqlServer, target: Targets) -> None:
    encrypted = Session(target("Encrypt=yes;TrustServerCertificate=yes"), query_timeout_s=30)
    assert encrypted.query("SELECT 1 AS a") == [(1,)]
    encrypted.close()


@pytest.mark.parametrize(
    ("number", "expected"),
    [(1205, Deadlock), (1222, Deadlock), (596, Unavailable), (40613, Unavailable), (20047, Lost), (8134, SqlError)],
)
def test_a_number_says_what_is_to_be_done(number: int, expected: type[SqlError]) -> None:
    assert type(classified(number, "words")) is expected
    assert isinstance(classified(None, "Not connected"), Lost)


def context(stop: Stop | None = None) -> Context:
    return Context(command="run", role="input", stop=stop or Stop())


def test_what_passes_is_tried_again(server: SqlServer, session: Session) -> None:
    server.faults.hang_up("SELECT 1", times=2)
    assert retry(lambda: session.query("SELECT 1 AS a"), context(), within_s=30) == [(1,)]
    assert session.generation == 3


def test_what_does_not_pass_is_raised_at_once(session: Session) -> None:
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        session.query("SELECT * FROM dbo.nothing")

    with pytest.raises(Gone):
        retry(work, context(), within_s=30)
    assert len(tries) == 1


def test_trying_ends_with_the_last_error_when_its_time_is_over() -> None:
    def work() -> None:
        raise Unavailable("offline", 942)

    with pytest.raises(Transient, match="offline"):
        retry(work, context(), within_s=0.3)


def test_a_wish_to_stop_ends_the_pause_between_two_tries() -> None:
    stop = Stop()

    def work() -> None:
        stop.request("SIGTERM came")
        raise Unavailable("offline", 942)

    began = time.monotonic()
    with pytest.raises(Stopping):
        retry(work, context(stop), within_s=600)
    assert time.monotonic() - began < 60
