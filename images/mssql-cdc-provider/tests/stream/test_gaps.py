"""Changes that were removed before they were read are never passed over in silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dstream_sdk import ProviderError
from tests.servers.sqlserver import SqlServer

Table = Callable[..., None]
Start = Callable[..., Any]


def clean_up(server: SqlServer, instance: str) -> None:
    """Have everything removed that the instance holds, but for what was committed last."""
    server.execute(
        "DECLARE @high binary(10) = sys.fn_cdc_get_max_lsn(); EXEC sys.sp_cdc_cleanup_change_table "
        f"@capture_instance = N'{instance}', @low_water_mark = @high, @threshold = 5000"
    )


def stopped(server: SqlServer, start: Start, **config: Any) -> Any:
    """The state of a run that stopped after one change of A."""
    run = start(**config)
    run.follows()
    server.execute("INSERT INTO A VALUES (1, N'x')")
    run.get(1)
    return run.stop()


def test_changes_cleaned_up_while_nobody_read_fail_the_run(server: SqlServer, start: Start, table: Table) -> None:
    """15, 16. The stored position is below the lowest LSN that is kept."""
    table("A")
    state = stopped(server, start)
    server.execute("INSERT INTO A VALUES (2, N'x')", "INSERT INTO A VALUES (3, N'x')")
    clean_up(server, "dbo_A")

    run = start(state)

    with pytest.raises(ProviderError, match=r"changes were lost .*`dbo\.A`"):
        run.wait()
    assert (run.records, run.states) == ([], [])


def test_changes_that_were_read_may_be_cleaned_up(server: SqlServer, start: Start, table: Table) -> None:
    """16. A position right at the lowest LSN that is kept misses nothing."""
    table("A")
    state = stopped(server, start)
    clean_up(server, "dbo_A")

    run = start(state)

    server.execute("INSERT INTO A VALUES (2, N'x')")
    assert run.get(1)[0]["data"]["id"] == 2


def test_changes_cleaned_up_while_they_are_read_fail_the_run(server: SqlServer, start: Start, table: Table) -> None:
    """Between the first page and the second one, the rest goes: no checkpoint is written behind it."""
    table("A")
    run = start(batch_rows=50)
    run.follows()
    before = len(run.states)
    pages = server.faults.hold("[(]50[)] .*update_mask", times=2)
    server.capture.stop()
    for at in range(120):
        server.execute(f"INSERT INTO A VALUES ({at}, N'x')")
    server.capture.start()
    run.until(lambda: any("update_mask" in sql for sql in server.faults.requests))
    clean_up(server, "dbo_A")
    pages.set()

    with pytest.raises(ProviderError, match="changes were lost"):
        run.wait()
    assert all(count == 0 for count, _ in run.states[before:])


def test_a_gap_has_the_table_read_anew_where_that_is_wanted(server: SqlServer, start: Start, table: Table) -> None:
    """15."""
    table("A", "B")
    state = stopped(server, start)
    server.execute("INSERT INTO B VALUES (7, N'b')", "INSERT INTO A VALUES (2, N'x')", "INSERT INTO A VALUES (3, N'x')")
    clean_up(server, "dbo_A")

    run = start(state, on_gap="resnapshot")

    run.until(lambda: {one["data"]["id"] for one in run.records} >= {1, 2, 3, 7})
    read = [one for one in run.records if one["metadata"]["OperationType"] == "Snapshot"]
    assert {one["metadata"]["TableName"] for one in read} == {"A"}
    assert sorted(one["data"]["id"] for one in read) == [1, 2, 3]
    assert [one["data"]["id"] for one in run.records if one["metadata"]["TableName"] == "B"] == [7]
    run.follows()
    state = run.stop()
    run = start(state)
    run.follows()
    assert run.records == []


def test_a_table_that_was_disabled_and_enabled_again_has_a_gap(server: SqlServer, start: Start, table: Table) -> None:
    """17."""
    table("A", "B")
    state = stopped(server, start)
    server.execute(
        "EXEC sys.sp_cdc_disable_table @source_schema = N'dbo', @source_name = N'A', @capture_instance = N'all'",
        "INSERT INTO A VALUES (2, N'unseen')",
        "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'A', @role_name = NULL",
    )

    with pytest.raises(ProviderError, match="changes were lost"):
        start(state).wait()


def test_a_position_that_the_log_does_not_know_is_a_restored_database(
    server: SqlServer, start: Start, table: Table
) -> None:
    """A backup of the database was restored: its log goes on from an earlier place."""
    table("A")
    state = stopped(server, start)
    lsn = bytearray.fromhex(state["position"]["lsn"])
    lsn[-1] += 1
    state["position"] = {"lsn": lsn.hex()}
    server.execute("INSERT INTO A VALUES (2, N'x')")

    with pytest.raises(ProviderError, match="does not know the position"):
        start(state).wait()


def test_a_log_that_stays_behind_the_position_is_a_restored_database(
    server: SqlServer, start: Start, table: Table
) -> None:
    """32. A replica gets the time to come up to it."""
    table("A")
    state = stopped(server, start)
    ahead = {**state, "position": {"lsn": "7f" * 10}}

    with pytest.raises(ProviderError, match="log ends at"):
        start(ahead, retry_timeout="300ms").wait()


def test_a_restored_database_is_read_anew_where_that_is_wanted(server: SqlServer, start: Start, table: Table) -> None:
    table("A")
    state = stopped(server, start)
    ahead = {**state, "position": {"lsn": "7f" * 10}}

    run = start(ahead, on_gap="resnapshot", retry_timeout="300ms")

    assert run.get(1)[0]["metadata"]["OperationType"] == "Snapshot"
    server.execute("INSERT INTO A VALUES (2, N'x')")
    assert run.get(2)[1]["metadata"]["OperationType"] == "Insert"


def test_an_instance_that_begins_where_the_log_was_not_scanned_yet_is_no_gap(
    server: SqlServer, start: Start, table: Table
) -> None:
    """11, 16. A run that stops before the log comes to its start goes on there."""
    table("A")
    server.execute("INSERT INTO A VALUES (1, N'x')")
    run = start()
    run.follows()
    server.capture.stop()
    server.execute("INSERT INTO A VALUES (2, N'x')")
    table("B")
    run.until(lambda: len(run.states[-1][1]["tables"]) == 2)
    state = run.stop()
    server.execute("INSERT INTO B VALUES (3, N'x')")
    server.capture.start()

    assert [one["data"]["id"] for one in start(state).get(2)] == [2, 3]
