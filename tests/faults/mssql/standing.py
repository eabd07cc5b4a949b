"""A database that is written to while the hosts that read it replace each other."""

from __future__ import annotations

import json
import random
import threading
from typing import TYPE_CHECKING, Any, Self

from tests.faults.mssql.delivery import faults_in_starts, has_come
from tests.faults.mssql.orchestrated import task
from tests.faults.mssql.workload import Workload
from tests.servers.sqlserver import SqlServer
from tests.streams import until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from tests.faults.project import Project

PAUSE_S = 0.1
"""Between two writes: some ten rows."""

ALL_WITHIN_S = 60.0


class Database:
    """See `sources.Source`. What is written comes from `seed`."""

    enough = 100

    def __init__(self, seed: str) -> None:
        self._server = SqlServer()
        self._workload = Workload(self._server, random.Random(seed), lambda: None, lossy=False)
        self._over = threading.Event()
        self._writer = threading.Thread(target=self._write, name="writer")

    def __enter__(self) -> Self:
        self._server.start()
        self.addresses: Sequence[str] = [f"{self._server.host}:{self._server.port}"]
        self._workload.write_rows()
        self._writer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        self._server.__exit__(kind, error, trace)

    def write(self, project: Project, data: Path, addresses: Sequence[str], *, restart: str) -> None:
        server, (address,) = self._server, addresses
        login = f"User Id={server.user};Password={server.password};Connect Timeout=5"
        config = {
            "connection_string": f"Server={address.replace(':', ',')};Database={server.database};{login}",
            "tables": ["*"],
            "exclude_tables": ["Nothing"],
            "poll_interval": "200ms",
            "max_poll_interval": "500ms",
            "heartbeat_interval": "1s",
        }
        (project.folder / "dstream.hcl").write_text(task(config, data, restart=restart))

    def end(self, sink: Path) -> None:
        self._stop()
        self._workload.settle()
        until(lambda: has_come(self._workload.ledger, _starts(sink)), "the last change", ALL_WITHIN_S, pause=0.5)

    def faults(self, sink: Path) -> list[str]:
        return faults_in_starts(self._workload.ledger, _starts(sink))

    def _write(self) -> None:
        while not self._over.wait(PAUSE_S):
            self._workload.write()

    def _stop(self) -> None:
        self._over.set()
        self._writer.join()


def _starts(sink: Path) -> list[list[dict[str, Any]]]:
    """What each start of the sink wrote; a torn line never was written."""
    starts: list[list[dict[str, Any]]] = []
    for line in sink.read_bytes().splitlines(keepends=True):
        if line.startswith(b'{"start":'):
            starts.append([])
        elif line.endswith(b"\n"):
            starts[-1].append(json.loads(line))
    return starts
