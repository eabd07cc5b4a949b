"""`check`: all that is missing at once, each with the T-SQL that mends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dstream_sdk import Finding
from mssql_cdc_provider.provider import MssqlCdc
from tests.servers.sqlserver import SqlServer

Make = Callable[..., MssqlCdc]


def lacks(provider: MssqlCdc) -> dict[str, Finding]:
    return {finding.check: finding for finding in provider.check() if not finding.ok}


def prepare(server: SqlServer, *more: str) -> None:
    server.execute(
        "CREATE TABLE dbo.Orders (id int PRIMARY KEY, item nvarchar(20))",
        "EXEC sys.sp_cdc_enable_db",
        "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'Orders', @role_name = N'reader'",
        "CREATE LOGIN app WITH PASSWORD = N'S3cret!pass'",
        "CREATE USER app FOR LOGIN app",
        *more,
    )


def as_app(provider: Make, **config: Any) -> MssqlCdc:
    return provider(user="app", password="S3cret!pass", **config)


def test_nothing_is_missing_where_all_is_there(server: SqlServer, provider: Make) -> None:
    rights = (
        "GRANT SELECT ON dbo.Orders TO app",
        "GRANT SELECT ON SCHEMA::cdc TO app",
        "ALTER ROLE reader ADD MEMBER app",
    )
    prepare(server, *rights)
    server.capture.scan()
    findings = list(as_app(provider).check())
    assert {finding.check for finding in findings} >= {"connection", "edition", "database", "dbo.Orders", "agent"}
    assert [finding for finding in findings if not finding.ok] == []


def test_everything_that_is_missing_is_said_at_once_and_its_remedy_mends_it(server: SqlServer, provider: Make) -> None:
    server.execute("CREATE TABLE dbo.Orders (id int PRIMARY KEY)", "CREATE TABLE dbo.Cars (id int PRIMARY KEY)")
    make = provider(tables=["Orders", "Cars", "Nothing"], snapshot={"isolation": "snapshot"})
    found = lacks(make)
    assert set(found) >= {"database", "snapshot", "tables", "dbo.Orders", "dbo.Cars"}
    assert found["tables"].remedy == ""  # the owner sees all that there is
    for check in ("database", "snapshot", "dbo.Orders", "dbo.Cars"):
        server.execute(*found[check].remedy.split("; "))
    server.capture.scan()
    assert set(lacks(make)) == {"tables"}


def test_missing_rights_are_named_with_their_grants_one_by_one(server: SqlServer, provider: Make) -> None:
    """34. No right to read changes is the configuration's fault, and said so."""
    prepare(server, "GRANT VIEW DEFINITION TO app")
    server.capture.scan()
    found = lacks(as_app(provider))
    assert found["rights"].remedy == "GRANT SELECT ON SCHEMA::cdc TO [app];"
    assert found["dbo.Orders"].remedy == "GRANT SELECT ON [dbo].[Orders] TO [app];"
    server.execute(found["rights"].remedy, found["dbo.Orders"].remedy)
    (finding,) = lacks(as_app(provider)).values()
    assert finding.remedy == "ALTER ROLE [reader] ADD MEMBER [app];"
    server.execute(finding.remedy)
    assert lacks(as_app(provider)) == {}


def test_an_unreachable_server_is_one_finding(server: SqlServer, provider: Make) -> None:
    make = provider()
    server.stop()
    (finding,) = make.check()
    assert (finding.check, finding.ok, finding.field) == ("connection", False, "connection_string")
    assert "sys.dm_tcp_listener_states" in finding.remedy


def test_a_refused_login_is_one_finding_with_the_way_to_make_one(server: SqlServer, provider: Make) -> None:
    (finding,) = provider(user="nobody", password="wrong").check()
    assert "CREATE LOGIN [nobody]" in finding.remedy
    assert "wrong" not in finding.remedy + finding.message


def test_a_stopped_agent_is_found_and_how_to_start_it(server: SqlServer, provider: Make) -> None:
    """31. The Agent does not run: nothing will ever come."""
    prepare(server)
    server.capture.stop(agent=True)
    found = lacks(provider())
    assert "xp_servicecontrol N'START'" in found["agent"].remedy


def test_a_chosen_column_that_is_not_captured_is_found(server: SqlServer, provider: Make) -> None:
    prepare(server, "ALTER TABLE dbo.Orders ADD price money NULL")
    found = lacks(provider(columns={"Orders": ["id", "price"]}))["dbo.Orders"]
    assert (found.field, "`price`" in found.message) == ("columns", True)
    server.execute(found.remedy)
    assert "dbo.Orders" not in lacks(provider(columns={"Orders": ["id", "price"]}))


def test_a_look_that_fails_keeps_no_other_from_being_taken(server: SqlServer, provider: Make) -> None:
    prepare(server)
    server.faults.fail("sys.databases", 1205)
    checks = {finding.check for finding in provider().check()}
    assert checks >= {"connection", "edition", "database", "dbo.Orders"}
