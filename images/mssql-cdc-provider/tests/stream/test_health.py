"""What a run says of itself."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Any

import pytest

from mssql_cdc_provider import health
from tests.servers.sqlserver import SqlServer

Table = Callable[..., None]
Start = Callable[..., Any]


PATIENCE_S = 3.0
"""Longer than a busy machine keeps the emulated job, which looks all the time, from its processor."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes as often as polls, so that nobody waits for a minute."""
    monkeypatch.setattr(health, "PROBE_S", 0.01)
    monkeypatch.setattr(health, "STOPPED_AFTER_S", PATIENCE_S)


def test_figures_say_how_far_behind_and_how_long_changes_are_kept(
    server: SqlServer, start: Start, table: Table
) -> None:
    table("A")
    run = start()
    server.execute("INSERT INTO A VALUES (1, N'x')")

    run.until(lambda: run.figures and run.figures[-1]["headroom_s"] is not None)

    assert 4319 * 60 < run.figures[-1]["headroom_s"] <= 4320 * 60
    assert 0 <= run.figures[-1]["lag_s"] < 60


def test_lag_is_the_age_of_what_was_read_since_the_last_figures(server: SqlServer, start: Start, table: Table) -> None:
    table("A")
    run = start()
    run.follows()
    server.capture.stop()
    server.engine.database.utc_offset = dt.timedelta(hours=-1)
    server.execute("INSERT INTO A VALUES (1, N'x')")
    server.engine.database.utc_offset = dt.timedelta(0)
    server.capture.start()

    run.until(lambda: any(one["lag_s"] > 3590 for one in run.figures))
    run.until(lambda: run.figures[-1]["lag_s"] == 0)


def test_who_may_not_see_the_scans_is_told_and_streams(
    server: SqlServer, start: Start, table: Table, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "dstream")
    table("A")
    server.faults.fail("dm_cdc_log_scan_sessions", 300, times=100)
    run = start()
    run.follows()
    server.execute("INSERT INTO A VALUES (1, N'x')")

    run.get(1)

    run.until(lambda: len(run.figures) > 10)
    assert {one["capture"] for one in run.figures} == {"running"}
    assert caplog.text.count("GRANT VIEW DATABASE STATE") == 1


def test_a_capture_job_that_stopped_is_told_once_and_its_return_too(
    server: SqlServer, start: Start, table: Table, caplog: pytest.LogCaptureFixture
) -> None:
    """31. Nothing comes, and that is not because nothing happens."""
    table("A")
    server.capture.polling_interval = 0.05
    run = start()
    begun = time.monotonic()
    run.until(lambda: run.figures and time.monotonic() - begun > PATIENCE_S + 1)  # an idle job is believed no longer
    assert {one["capture"] for one in run.figures} == {"running"}

    server.capture.stop()

    run.until(lambda: run.figures[-1]["capture"] == "stopped")
    server.execute("INSERT INTO A VALUES (1, N'x')")
    server.capture.start()
    run.get(1)
    run.until(lambda: run.figures[-1]["capture"] == "running")
    assert caplog.text.count("capture job seems to have stopped") == 1
