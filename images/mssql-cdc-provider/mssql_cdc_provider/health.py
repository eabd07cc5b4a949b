"""How the run is: how far behind, how long changes are kept still, and whether they are captured at all."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta

from dstream_sdk import Context
from mssql_cdc_provider.changes import Times
from mssql_cdc_provider.infrastructure.present import retention_minutes
from mssql_cdc_provider.lsn import Position
from mssql_cdc_provider.retrying_session import RetryingSession
from mssql_cdc_provider.sql_errors import Denied, Gone

PROBE_S = 10.0
STOPPED_AFTER_S = 40.0
"""A capture job scans the log every 5 s; it is taken for stopped once no scan was seen for so long."""

IDLE_STOPPED_AFTER_S = 400.0
"""The same where scans cannot be seen: then only the entry that an idle job writes every 5 minutes tells."""

RETENTION_S = 600.0
"""How often the retention is asked for."""


class Health:
    """Publishes figures, and says once when capturing stopped and when it goes on."""

    def __init__(self, context: Context, session: RetryingSession) -> None:
        self._context = context
        self._session = session
        self._may_see_scans = self._scans_visible = True
        self._seen: object = None
        self._moved = time.monotonic()
        self._next_probe = 0.0
        self._retention: timedelta | None = None
        self._next_retention = 0.0
        self.capturing = True
        self._lag_s = 0.0

    def delivered(self, times: Times | None, now: datetime) -> None:
        """Note a transaction that was sent; `now` is the server's local time."""
        if times is not None and times.committed is not None:
            self._lag_s = max(self._lag_s, (now - times.committed).total_seconds())

    def probe(self, max_lsn: bytes | None) -> None:
        """Look whether the capture job works, at most every 10 s. Raises as queries do."""
        now = time.monotonic()
        if now < self._next_probe:
            return
        self._next_probe = now + PROBE_S
        seen = max_lsn, self._last_scan()
        if seen != self._seen:
            self._seen, self._moved = seen, now
        patience = STOPPED_AFTER_S if self._scans_visible else IDLE_STOPPED_AFTER_S
        capturing = now - self._moved < patience
        if self.capturing and not capturing:
            self._context.logger.warning(
                "nothing was captured for %d s: the capture job seems to have stopped; look at "
                "`EXEC sys.sp_cdc_help_jobs` and start it with `EXEC sys.sp_cdc_start_job @job_type = N'capture'`",
                now - self._moved,
            )
        elif capturing and not self.capturing:
            self._context.logger.info("changes are captured again")
        self.capturing = capturing

    def publish(self, position: Position, more: Mapping[str, float]) -> None:
        """Send `more` and these figures.

        `lag_s`: the longest that a change sent since the last figures was committed before; 0 without any.
        `capture`: `running` or `stopped`. `headroom_s`: until changes at the position are cleaned up; None where the
        retention is not known.
        """
        lag_s, self._lag_s = self._lag_s, 0.0
        self._context.stats(
            lag_s=round(lag_s, 3),
            capture="running" if self.capturing else "stopped",
            headroom_s=self._headroom_s(position),
            **more,
        )

    def _last_scan(self) -> object:
        """What changes with every scan; None where it is not seen."""
        rows: object = None
        if self._may_see_scans:
            try:
                rows = self._session.query(
                    "SELECT TOP (1) session_id, end_time, empty_scan_count, log_record_count "
                    "FROM sys.dm_cdc_log_scan_sessions WHERE session_id <> 0 ORDER BY session_id DESC"
                )
            except (Denied, Gone):
                self._may_see_scans = False
                self._context.logger.info(
                    "whether the capture job works is noticed late: the login may not see "
                    "`sys.dm_cdc_log_scan_sessions` (GRANT VIEW DATABASE STATE)"
                )
        self._scans_visible = bool(rows)  # a secondary replica has none
        return rows

    def _headroom_s(self, position: Position) -> float | None:
        now = time.monotonic()
        if now >= self._next_retention:
            self._next_retention = now + RETENTION_S
            try:
                minutes = self._session.ask(retention_minutes)
            except Gone:  # a database without Agent
                minutes = None
            self._retention = None if minutes is None else timedelta(minutes=minutes)
        if self._retention is None:
            return None
        rows = self._session.query(
            "SELECT DATEDIFF(second, tran_end_time, GETDATE()) AS age_s FROM cdc.lsn_time_mapping "
            "WHERE start_lsn = {lsn}",
            lsn=position.commit_lsn,
        )
        return self._retention.total_seconds() - rows[0][0] if rows and rows[0][0] is not None else None
