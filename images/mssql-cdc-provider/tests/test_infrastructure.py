"""`init`, `plan`, `status` and `destroy`: what is missing is made, and only what was made is removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dstream_sdk import LifecycleReply, Resource
from mssql_cdc_provider.provider import MssqlCdc
from mssql_cdc_provider.session import Session
from tests.servers.sqlserver import SqlServer

Make = Callable[..., MssqlCdc]
FULL = {"role": "reader", "members": ["app"], "retention": "48h"}


def prepare(server: SqlServer) -> None:
    server.execute(
        "CREATE TABLE dbo.Orders (id int PRIMARY KEY)",
        "CREATE TABLE dbo.Cars (id int PRIMARY KEY)",
        "CREATE LOGIN app WITH PASSWORD = N'S3cret!pass'",
        "CREATE USER app FOR LOGIN app",
    )


def actions(reply: LifecycleReply) -> dict[str, str]:
    assert reply.status == "Success", reply.error
    resources = [one for one in reply.resources if isinstance(one, Resource)]
    return {f"{one.type.removeprefix('sqlserver.')} {one.name}": one.action for one in resources}


def enabled(session: Session) -> bool:
    return bool(session.query("SELECT is_cdc_enabled FROM sys.databases WHERE name = DB_NAME()")[0][0])


def instances(session: Session) -> list[str]:
    return [row[2] for row in session.query("EXEC sys.sp_cdc_help_change_data_capture")]


def records(session: Session) -> int:
    return len(session.query("SELECT name FROM sys.extended_properties WHERE name LIKE N'dstream/%'"))


def test_the_plan_is_what_init_does_and_changes_nothing(server: SqlServer, provider: Make, session: Session) -> None:
    prepare(server)
    make = provider(tables=["*"], infrastructure=FULL)
    plan = make.plan()
    assert not enabled(session)
    assert actions(plan) == actions(make.init())
    assert actions(plan) == {
        "CdcDatabase testdb": "create",
        "Role reader": "create",
        "RoleMember reader/app": "create",
        "SelectGrant dbo.Cars/reader": "create",
        "SelectGrant dbo.Orders/reader": "create",
        "CdcGrant cdc/reader": "create",
        "CaptureInstance dbo_Cars": "create",
        "CaptureInstance dbo_Orders": "create",
        "Retention cleanup": "update",
    }
    assert instances(session) == ["dbo_Cars", "dbo_Orders"]


def test_the_plans_script_does_the_same_when_someone_else_runs_it(server: SqlServer, provider: Make) -> None:
    prepare(server)
    make = provider(tables=["*"], infrastructure=FULL)
    server.execute(*make.plan().message.rstrip(";").split(";\n"))
    assert set(actions(make.plan()).values()) == {"same"}
    assert make.plan().message == ""


def test_a_second_init_changes_nothing(server: SqlServer, provider: Make, session: Session) -> None:
    prepare(server)
    make = provider(tables=["*"], infrastructure=FULL)
    make.init()
    before = records(session)
    assert set(actions(make.init()).values()) == {"same"}
    assert records(session) == before


def test_destroy_removes_what_init_made_and_its_records(server: SqlServer, provider: Make, session: Session) -> None:
    prepare(server)
    make = provider(tables=["*"], infrastructure=FULL)
    made = actions(make.init())
    removed = actions(make.destroy())
    assert set(removed) == set(made)
    assert set(removed.values()) == {"delete"}
    assert not enabled(session)
    assert records(session) == 0
    assert session.query("SELECT name FROM sys.database_principals WHERE name = N'reader'") == []


def destroying(make: MssqlCdc) -> MssqlCdc:
    make.context = replace(make.context, options={**make.context.options, "destroy": True})
    return make


def test_the_plan_of_destroy_is_what_destroy_does_and_changes_nothing(
    server: SqlServer, provider: Make, session: Session
) -> None:
    prepare(server)
    server.execute(
        "EXEC sys.sp_cdc_enable_db",
        "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'Cars', @role_name = NULL",
    )
    make = destroying(provider(tables=["*"], infrastructure=FULL))
    make.init()
    before = records(session)
    plan = make.plan()
    assert records(session) == before
    assert "sp_cdc_disable_table" in plan.message
    assert actions(plan) == actions(make.destroy())


def test_a_database_that_is_left_with_no_capture_instance_is_planned_to_go_too(
    server: SqlServer, provider: Make
) -> None:
    prepare(server)
    make = destroying(provider(tables=["*"]))
    make.init()
    assert set(actions(make.plan()).values()) == {"delete"}


def test_tables_whose_names_read_alike_with_their_schemas_have_an_instance_each(
    server: SqlServer, provider: Make, session: Session
) -> None:
    long = "n" * 120
    server.execute(
        "CREATE SCHEMA dbo_a",
        "CREATE TABLE dbo.a_b (id int PRIMARY KEY)",
        "CREATE TABLE dbo_a.b (id int PRIMARY KEY)",
        f"CREATE TABLE dbo.{long}1 (id int PRIMARY KEY)",
        f"CREATE TABLE dbo.{long}2 (id int PRIMARY KEY)",
    )
    make = provider(tables=["*.*"])
    plan = actions(make.plan())
    assert len(plan) == 5
    assert actions(make.init()) == plan
    assert len(instances(session)) == 4
    assert set(actions(make.init()).values()) == {"same"}
    make.destroy()
    assert not enabled(session)


def test_destroy_leaves_what_others_made(server: SqlServer, provider: Make, session: Session) -> None:
    prepare(server)
    server.execute(
        "EXEC sys.sp_cdc_enable_db",
        "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'Cars', @role_name = NULL",
    )
    make = provider(tables=["*"])
    assert actions(make.init())["CaptureInstance dbo_Cars"] == "same"
    assert actions(make.destroy()) == {"CaptureInstance dbo_Orders": "delete"}
    assert instances(session) == ["dbo_Cars"]


def test_destroy_leaves_what_someone_made_anew_under_the_same_name(
    server: SqlServer, provider: Make, session: Session
) -> None:
    prepare(server)
    make = provider()
    make.init()
    where = "@source_schema = N'dbo', @source_name = N'Orders', "
    server.execute(
        f"EXEC sys.sp_cdc_disable_table {where} @capture_instance = N'dbo_Orders'",
        f"EXEC sys.sp_cdc_enable_table {where} @role_name = NULL",
    )
    assert actions(make.destroy())["CaptureInstance dbo_Orders"] == "same"
    assert instances(session) == ["dbo_Orders"]
    assert records(session) == 0


def test_what_two_tasks_share_stays_until_both_are_destroyed(
    server: SqlServer, provider: Make, session: Session
) -> None:
    prepare(server)
    first, second = provider(task="first", tables=["*"]), provider(task="second", tables=["Cars"])
    first.init()
    second.init()
    removed = actions(first.destroy())
    assert (removed["CaptureInstance dbo_Orders"], removed["CaptureInstance dbo_Cars"]) == ("delete", "same")
    assert instances(session) == ["dbo_Cars"]
    second.destroy()
    assert not enabled(session)


def test_what_tasks_of_one_name_share_stays_until_both_projects_have_destroyed_it(
    server: SqlServer, provider: Make, session: Session
) -> None:
    prepare(server)
    first, second = provider(project="1"), provider(project="2")
    first.init()
    second.init()
    details = [one.detail for one in second.status().resources if isinstance(one, Resource)]
    assert details == [{"there": True, "made_for": ["orders of another project", "orders"]}] * 2
    kept = [one.detail for one in first.destroy().resources if isinstance(one, Resource)]
    assert kept == [{"kept_for": "orders of another project"}] * 2
    assert instances(session) == ["dbo_Orders"]
    assert first.destroy().resources == []
    second.destroy()
    assert not enabled(session)


def test_cdc_of_the_database_stays_while_others_capture(server: SqlServer, provider: Make, session: Session) -> None:
    prepare(server)
    make = provider()
    make.init()
    server.execute("EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'Cars', @role_name = NULL")
    assert actions(make.destroy())["CdcDatabase testdb"] == "same"
    assert instances(session) == ["dbo_Cars"]


def test_destroy_puts_the_retention_back_that_init_found(server: SqlServer, provider: Make, session: Session) -> None:
    prepare(server)
    server.execute("EXEC sys.sp_cdc_enable_db", "EXEC sys.sp_cdc_change_job @job_type = N'cleanup', @retention = 600")
    for retention in ("48h", "72h"):
        provider(infrastructure={"retention": retention}).init()
    provider().destroy()
    page = session.page("EXEC sys.sp_cdc_help_jobs")
    jobs = [dict(zip(page.columns, row, strict=True)) for row in page.rows]
    assert [job["retention"] for job in jobs if job["job_type"] == "cleanup"] == [600]


def test_a_crash_between_record_and_deed_is_made_good_by_the_next_init(
    server: SqlServer, provider: Make, session: Session
) -> None:
    prepare(server)
    make = provider()
    server.faults.hang_up("sp_cdc_enable_table")
    assert make.init().status == "Failed"
    assert records(session) == 2
    assert actions(make.init())["CaptureInstance dbo_Orders"] == "create"
    assert actions(make.destroy())["CaptureInstance dbo_Orders"] == "delete"


def test_a_missing_right_is_said_with_what_was_made_before(server: SqlServer, provider: Make, session: Session) -> None:
    prepare(server)
    server.faults.fail("EXEC sys.sp_cdc_enable_table", 22904)
    reply = provider().init()
    assert reply.status == "Failed"
    assert "`plan` prints the T-SQL" in reply.hint
    assert [one.name for one in reply.resources if isinstance(one, Resource)] == ["testdb"]
    assert records(session) == 1


def test_status_says_what_is_there_and_for_whom(server: SqlServer, provider: Make) -> None:
    prepare(server)
    make = provider()
    make.init()
    details = [one.detail for one in make.status().resources if isinstance(one, Resource)]
    assert details == [{"there": True, "made_for": ["orders"]}] * 2
