"""How far the snapshots of a run are."""

from __future__ import annotations

import time
from collections.abc import Sequence

from mssql_cdc_provider.snapshot.jobs import Job


class Progress:
    """Counts what a run reads, until nothing is left to read."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._rows = 0
        self._finished = 0

    def sent(self, rows: int) -> None:
        """So many rows more."""
        if self._since is None:
            self._since = time.monotonic()
        self._rows += rows

    def finished(self, job: Job) -> None:
        """Keep a job in the sums that is no longer in the queue."""
        self._finished += job.rows

    def figures(self, jobs: Sequence[Job]) -> dict[str, float]:
        """Of what was finished and of these jobs: rows sent and expected, tables left, and seconds at this pace."""
        if not jobs:
            self.__init__()  # type: ignore[misc]
            return {}
        sent = self._finished + sum(job.rows for job in jobs)
        left = sum(max(0, (job.expected or 0) - job.rows) for job in jobs)
        figures: dict[str, float] = {
            "snapshot_rows": sent,
            "snapshot_rows_expected": sent + left,
            "snapshot_tables_left": len(jobs),
        }
        if self._since is not None and self._rows:
            figures["snapshot_left_s"] = round(left * (time.monotonic() - self._since) / self._rows, 1)
        return figures
