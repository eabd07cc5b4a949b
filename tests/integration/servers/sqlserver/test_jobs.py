"""The capture and cleanup jobs of the emulated server, which tests have in hand."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.integration.servers.sqlserver.changes import changes, enable, error_of
from tests.integration.servers.sqlserver.conftest import Ask
from tests.servers.sqlserver import SqlServer
from tests.streams import until

MAX_LSN = "SELECT sys.fn_cdc_get_max_lsn() AS l"
MIN_LSN = "SELECT sys.fn_cdc_get_min_lsn(N'dbo_t') AS l"
COUNT = "SELECT COUNT(*) AS n FROM cdc.dbo_t_CT"


@pytest.fixture(autouse=True)
def _table(emulated: SqlServer) -> None:
    emulated.execute("CREATE TABLE dbo.t (id int PRIMARY KEY, a nvarchar(20))")


def test_before_the_first_scan_there_is_no_max_lsn(emulated: SqlServer, ask_emulated: Ask) -> None:
    emulated.capture.stop()
    enable(emulated, "t")
    ask_emulated("INSERT INTO dbo.t VALUES (1, N'x')")
    assert ask_emulated(MAX_LSN) == [(None,)]
    assert ask_emulated("SELECT COUNT(*) AS n FROM cdc.lsn_time_mapping") == [(0,)]
    emulated.capture.start()
    assert ask_emulated(MAX_LSN) > ask_emulated(MIN_LSN)


def test_changes_appear_after_the_lag_in_the_order_of_commits(emulated: SqlServer, ask_emulated: Ask) -> None:
    enable(emulated, "t")
    emulated.capture.lag = 0.05
    for at in range(3):
        ask_emulated(f"INSERT INTO dbo.t VALUES ({at}, N'x')")
    until(lambda: ask_emulated(COUNT) == [(3,)], "the changes are captured")
    assert [change.values[0] for change in changes(emulated, "dbo_t")] == [0, 1, 2]


def test_a_stopped_job_captures_nothing_and_catches_up(emulated: SqlServer, ask_emulated: Ask) -> None:
    enable(emulated, "t")
    ask_emulated("EXEC sys.sp_cdc_stop_job @job_type = N'capture'")
    ask_emulated("INSERT INTO dbo.t VALUES (1, N'x')")
    assert ask_emulated(COUNT) == [(0,)]
    assert ask_emulated("SELECT TOP (1) scan_phase FROM sys.dm_cdc_log_scan_sessions WHERE session_id = 0") == [
        ("Aborted",)
    ]
    ask_emulated("EXEC sys.sp_cdc_start_job @job_type = N'capture'")
    assert ask_emulated(COUNT) == [(1,)]


def test_a_stopped_agent_is_seen(emulated: SqlServer, ask_emulated: Ask) -> None:
    state = "SELECT status_desc FROM sys.dm_server_services WHERE servicename LIKE N'SQL Server Agent%'"
    assert ask_emulated(state) == [("Running",)]
    emulated.capture.stop(agent=True)
    assert ask_emulated(state) == [("Stopped",)]


def test_time_goes_on_where_nothing_changes(emulated: SqlServer, ask_emulated: Ask) -> None:
    enable(emulated, "t")
    before = ask_emulated(MAX_LSN)
    emulated.capture.note_idle()
    assert ask_emulated(MAX_LSN) > before
    assert ask_emulated("SELECT TOP (1) tran_id FROM cdc.lsn_time_mapping ORDER BY start_lsn DESC") == [(b"\0",)]


def test_cleanup_moves_the_low_end_under_a_reader(emulated: SqlServer, ask_emulated: Ask) -> None:
    enable(emulated, "t")
    ask_emulated("INSERT INTO dbo.t VALUES (1, N'x')")
    [(stored,)] = ask_emulated(MAX_LSN)
    ask_emulated("INSERT INTO dbo.t VALUES (2, N'y')")
    [(mark,)] = ask_emulated(MAX_LSN)
    ask_emulated(f"EXEC sys.sp_cdc_cleanup_change_table N'dbo_t', 0x{mark.hex()}, 5000")
    assert ask_emulated(MIN_LSN) == [(mark,)]
    assert [change.values[0] for change in changes(emulated, "dbo_t")] == [2]
    window = f"0x{stored.hex()}, sys.fn_cdc_get_max_lsn(), N'all'"
    assert error_of(emulated, f"SELECT * FROM cdc.fn_cdc_get_all_changes_dbo_t({window})") == 313
    unknown = "EXEC sys.sp_cdc_cleanup_change_table N'dbo_t', 0x00000000000000000001"
    assert error_of(emulated, unknown) == 22964


def test_the_cleanup_job_takes_what_is_older_than_the_retention(emulated: SqlServer, ask_emulated: Ask) -> None:
    enable(emulated, "t")
    ask_emulated("INSERT INTO dbo.t VALUES (1, N'x')")
    emulated.capture.expire()
    assert ask_emulated(COUNT) == [(1,)]
    emulated.capture.note_idle()
    emulated.capture.expire(dt.timedelta(0))
    assert ask_emulated(COUNT) == [(0,)]


def test_retention_is_changed_and_told(emulated: SqlServer, ask_emulated: Ask) -> None:
    ask_emulated("EXEC sys.sp_cdc_change_job @job_type = N'cleanup', @retention = 60")
    asked = "SELECT retention FROM msdb.dbo.cdc_jobs WHERE job_type = N'cleanup' AND database_id = DB_ID()"
    assert ask_emulated(asked) == [(60,)]
    jobs = ask_emulated("EXEC sys.sp_cdc_help_jobs")
    assert [(row[1], row[7]) for row in jobs] == [("capture", 0), ("cleanup", 60)]


def test_the_server_tells_its_local_time(emulated: SqlServer, ask_emulated: Ask) -> None:
    emulated.engine.database.utc_offset = dt.timedelta(hours=2)
    assert ask_emulated("SELECT DATEDIFF(minute, GETUTCDATE(), GETDATE()) AS m") == [(120,)]
    [(now,)] = ask_emulated("SELECT SYSDATETIMEOFFSET() AS n")
    assert now.utcoffset() == dt.timedelta(hours=2)


def test_large_values_may_be_left_out_of_new_rows_too(emulated: SqlServer, ask_emulated: Ask) -> None:
    emulated.execute("CREATE TABLE dbo.large (id int PRIMARY KEY, a nvarchar(max), b int)")
    enable(emulated, "large")
    emulated.capture.new_without_max = True
    ask_emulated("INSERT INTO dbo.large VALUES (1, N'long', 1)")
    ask_emulated("UPDATE dbo.large SET b = 2")
    assert changes(emulated, "dbo_large")[2].values == (1, None, 2)
