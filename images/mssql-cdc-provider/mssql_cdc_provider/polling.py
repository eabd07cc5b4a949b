"""One look at the server: how far changes are captured, and whether tables may have come, gone or changed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from mssql_cdc_provider.retrying_session import RetryingSession

_QUERY = (
    "SELECT sys.fn_cdc_get_max_lsn() AS max_lsn, (SELECT COUNT(*) FROM cdc.change_tables) AS instances, "
    "(SELECT MAX(create_date) FROM cdc.change_tables) AS newest, "
    "(SELECT MAX(ddl_lsn) FROM cdc.ddl_history) AS ddl_lsn, GETDATE() AS local_now, GETUTCDATE() AS utc_now"
)


@dataclass(frozen=True, slots=True)
class Poll:
    """`max_lsn` is None before the first scan of the log. `fingerprint` differs once the shape may have changed.

    `utc_offset` is what the server's local time is ahead of UTC now, which is all that the server tells of it.
    """

    max_lsn: bytes | None
    fingerprint: tuple[object, ...]
    utc_offset: timedelta
    local_now: datetime
    at: float

    @property
    def server_time(self) -> datetime:
        """The server's local time now, by the time that passed since the poll."""
        return self.local_now + timedelta(seconds=time.monotonic() - self.at)


def poll(session: RetryingSession) -> Poll:
    """Ask the server. Its text never changes, so the server plans it once."""
    ((max_lsn, instances, newest, ddl_lsn, local, utc),) = session.query(_QUERY)
    minutes = round((local - utc).total_seconds() / 60)  # the two clocks are read one after the other
    return Poll(max_lsn, (instances, newest, ddl_lsn), timedelta(minutes=minutes), local, time.monotonic())
