"""Which tables are to be read: what the mode wants, what was asked for, and what a checkpoint had left."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from dstream_sdk import ProviderError
from mssql_cdc_provider.config import SnapshotMode
from mssql_cdc_provider.names import TableName
from mssql_cdc_provider.snapshot.jobs import Job


class Queue:
    """The jobs of a run in their order, and the names of the tables that need none any more.

    `first` is whether nothing was streamed yet but what comes behind the position of the task's first start.
    """

    def __init__(self, mode: SnapshotMode, saved: Any) -> None:
        """Raises `ProviderError` for a `saved` that `to_json` did not write."""
        self._mode = mode
        self._followed: dict[str, TableName] | None = None
        self._jobs: list[Job] = []
        self._done: set[str] = set()
        self.first = saved is None
        if saved is not None:
            try:
                self._jobs = [Job.from_json(one) for one in saved["jobs"]]
                self._done = {str(name) for name in saved["done"]}
                self.first = bool(saved["first"])
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise ProviderError("the state cannot be read", hint="run the task under another name") from error
            if mode == "always" and not self._jobs:
                self._done.clear()

    def to_json(self) -> dict[str, Any]:
        return {"first": self.first, "jobs": [job.to_json() for job in self._jobs], "done": sorted(self._done)}

    def __iter__(self) -> Iterator[Job]:
        return iter(list(self._jobs))

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def finished(self) -> bool:
        """Whether nothing is left and the mode wants nothing streamed."""
        return self._mode == "initial_only" and self._followed is not None and not self._jobs

    @property
    def ids(self) -> set[str]:
        """Of the jobs."""
        return {job.id for job in self._jobs}

    @property
    def tables(self) -> list[TableName]:
        """Those that the stream follows."""
        return list((self._followed or {}).values())

    def name(self, job: Job) -> TableName | None:
        """The table of a job, while the stream follows it."""
        return (self._followed or {}).get(job.table)

    def follow(self, tables: Collection[TableName]) -> None:
        """See `Snapshots.follow`."""
        self._followed = {str(table): table for table in tables}
        self._jobs = [job for job in self._jobs if job.table in self._followed]
        self._done &= self._followed.keys()
        waiting = {job.table for job in self._jobs if job.filter is None}
        for name in self._followed:
            if name not in self._done and name not in waiting:
                if self._mode == "no_data":
                    self._done.add(name)
                else:
                    self._jobs.append(Job(name))
        self._settle()

    def again(self, tables: Collection[TableName], condition: str | None = None) -> None:
        """Read these anew, from their first row."""
        names = [str(table) for table in tables]
        self._jobs = [job for job in self._jobs if job.table not in names or job.filter != condition]
        self._jobs += [Job(name, condition) for name in names]

    def finish(self, job: Job) -> None:
        """Nothing is left of a job, or nothing of it can be read."""
        self._jobs.remove(job)
        if job.filter is None:
            self._done.add(job.table)
        self._settle()

    def _settle(self) -> None:
        self.first = self.first and bool(self._jobs)
