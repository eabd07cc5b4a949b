"""What `plan` says of the run to come: what it reads whole, and what of the changes is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mssql_cdc_provider.lsn import Position
from mssql_cdc_provider.names import TableName
from mssql_cdc_provider.provider import MssqlCdc
from mssql_cdc_provider.session import Session
from mssql_cdc_provider.state import State
from tests.servers.sqlserver import SqlServer

Make = Callable[..., MssqlCdc]


def tables(server: SqlServer) -> None:
    server.execute("CREATE TABLE dbo.Orders (id int PRIMARY KEY)", "CREATE TABLE dbo.Cars (id int PRIMARY KEY)")


def test_the_plan_says_what_a_run_would_take_a_snapshot_of(server: SqlServer, provider: Make) -> None:
    tables(server)
    make = provider(tables=["*"])
    assert make.plan().metadata == {"run": ["the input takes a snapshot of dbo.Cars, dbo.Orders"]}
    state = State(snapshot={"first": False, "jobs": [], "done": ["dbo.Orders"]})
    make.context = replace(make.context, state=state.to_json())
    assert make.plan().metadata == {"run": ["the input takes a snapshot of dbo.Cars"]}
    assert provider(tables=["*"], snapshot={"mode": "no_data"}).plan().metadata == {
        "run": ["the input takes no snapshot: it sends changes from now on"]
    }


def stored_at_the_end(session: Session, *tables: str) -> State:
    """Of a run that has read all that is captured by now."""
    ((newest,),) = session.query("SELECT sys.fn_cdc_get_max_lsn() AS newest")
    followed: dict[TableName, bytes | None] = {TableName("dbo", table): None for table in tables}
    done = sorted(str(table) for table in followed)
    return State(Position.behind(newest), tables=followed, snapshot={"first": False, "jobs": [], "done": done})


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, ["the input fails: changes of dbo.Cars, dbo.Orders since then are lost"]),
        (
            {"on_gap": "resnapshot"},
            [
                "changes of dbo.Cars, dbo.Orders since then are lost",
                "the input takes a snapshot of dbo.Cars, dbo.Orders",
            ],
        ),
    ],
)
def test_the_plan_says_that_changes_went_with_what_destroy_removed(
    server: SqlServer, provider: Make, session: Session, config: dict[str, str], expected: list[str]
) -> None:
    tables(server)
    make = provider(tables=["*"], **config)
    make.init()
    server.settle()
    make.context = replace(make.context, state=stored_at_the_end(session, "Cars", "Orders").to_json())
    assert make.plan().metadata == {"run": []}
    make.destroy()
    before = make.plan().metadata["run"]
    make.init()
    server.settle()
    assert make.plan().metadata["run"] == before
    assert [said.partition(";")[0] for said in before] == expected


def test_the_plan_looks_at_the_oldest_capture_instance_that_a_run_may_read(
    server: SqlServer, provider: Make, session: Session
) -> None:
    tables(server)
    make = provider()
    make.init()
    server.settle()
    make.context = replace(make.context, state=stored_at_the_end(session, "Orders").to_json())
    server.execute(
        "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'Orders', @role_name = NULL, "
        "@capture_instance = N'newer'"
    )
    server.settle()
    assert make.plan().metadata == {"run": []}
    alone = provider(capture_instances=["newer"])
    alone.context = make.context
    (said,) = alone.plan().metadata["run"]
    assert said.startswith("the input fails: changes of dbo.Orders")
