"""Changes that were removed before they were read. Each function looks at one way to lose them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dstream_sdk import ProviderError
from mssql_cdc_provider.lsn import ZERO, Position
from mssql_cdc_provider.names import TableName
from mssql_cdc_provider.retrying_session import RetryingSession
from mssql_cdc_provider.shape import Shape


@dataclass(frozen=True, slots=True)
class Gap:
    """Changes of the table below LSN `kept_from` may be missing."""

    table: TableName
    kept_from: bytes
    why: str


def not_captured(shape: Shape) -> list[Gap]:
    """Tables whose capture instances begin behind what is needed, as of the shape's last refresh.

    An instance that begins at the very LSN that is needed has it all.
    """
    gaps = []
    for table in shape:
        start = table.sources[0].instance.start_lsn
        if start > table.needs:
            why = f"changes of `{table.name}` are needed from LSN {table.needs.hex()} on and kept from {start.hex()} on"
            gaps.append(Gap(table.name, start, why))
    return gaps


def cleaned_up(session: RetryingSession, shape: Shape) -> list[Gap]:
    """Tables whose changes were cleaned up while they were read. To be asked after reading, before a checkpoint.

    SQL Server raises an instance's low end first and deletes the changes below it then; so what was read before
    the low end was found unmoved was all there.
    """
    lowest = min((table.needs for table in shape), default=ZERO)
    rows = session.query(
        "SELECT capture_instance, start_lsn FROM cdc.change_tables WHERE start_lsn > {lowest}", lowest=lowest
    )
    starts: dict[str, bytes] = dict(rows)
    gaps = []
    for table in shape:
        for source in table.sources:
            instance = source.instance
            start = starts.get(instance.name, ZERO)
            if start > max(instance.start_lsn, table.needs):
                gaps.append(
                    Gap(table.name, start, f"changes of `{table.name}` below LSN {start.hex()} were cleaned up")
                )
                break
    return gaps


def other_history(session: RetryingSession, tables: Sequence[TableName], position: Position) -> list[Gap]:
    """Whether the database's log is another one than the position was taken from: a backup was restored.

    Every position is that of a transaction which `cdc.lsn_time_mapping` holds until it is cleaned up.
    """
    if position.commit_lsn == ZERO:
        return []
    rows = session.query(
        "SELECT MIN(start_lsn) AS lowest, MAX(start_lsn) AS highest, "
        "MAX(CASE WHEN start_lsn = {lsn} THEN 1 ELSE 0 END) AS found FROM cdc.lsn_time_mapping",
        lsn=position.commit_lsn,
    )
    lowest, highest, found = rows[0]
    if lowest is None or found or not lowest <= position.commit_lsn <= highest:
        return []
    why = f"the database's log does not know the position {position.commit_lsn.hex()}: it was restored, or is another"
    return [Gap(table, highest, why) for table in tables]


def ahead_of_log(tables: Sequence[TableName], position: Position, max_lsn: bytes) -> list[Gap]:
    """For a database that stays behind the position: it was restored from a backup."""
    why = f"the database's log ends at {max_lsn.hex()}, before the position {position.commit_lsn.hex()}"
    return [Gap(table, max_lsn, why) for table in tables]


def failure(gaps: Sequence[Gap]) -> ProviderError:
    """The error that ends a run with `on_gap = "fail"`."""
    return ProviderError(
        "changes were lost before they were read: " + "; ".join(gap.why for gap in gaps),
        hint='read the tables anew with `on_gap = "resnapshot"`, and keep changes longer: '
        "EXEC sys.sp_cdc_change_job @job_type = N'cleanup', @retention = <minutes>",
    )
