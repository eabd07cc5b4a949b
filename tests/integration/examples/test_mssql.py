"""The example that reads SQL Server runs in containers, and the provider alone by hand."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest

from tests.servers.sqlserver import SqlServer

if TYPE_CHECKING:
    from tests.servers.images import Images

REPOSITORY = Path(__file__).parents[3]
DSTREAM = Path(sys.executable).with_name("dstream")
EXAMPLE = REPOSITORY / "examples" / "mssql-to-console" / "dstream.hcl"
PATIENCE_S = 60.0


@pytest.fixture
def server() -> Iterator[SqlServer]:
    """A shop with one person. It listens to containers as well."""
    with SqlServer(host="0.0.0.0", cdc=False) as running:
        running.execute(
            "CREATE TABLE dbo.Persons (ID int PRIMARY KEY, Name nvarchar(50))",
            "CREATE TABLE dbo.Orders (ID int PRIMARY KEY, Total decimal(18, 2))",
            "INSERT INTO dbo.Persons VALUES (1, N'Zoë')",
        )
        yield running


def connection_string(server: SqlServer, host: str) -> str:
    return f"Server={host},{server.port};Database={server.database};User Id={server.user};Password={server.password}"


class Output:
    """The lines that a process prints, each with a deadline."""

    def __init__(self, stream: IO[str]) -> None:
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self._lines.put(line)
        self._lines.put(None)

    def record(self) -> dict[str, Any]:
        """The next one."""
        line = self._lines.get(timeout=PATIENCE_S)
        assert line is not None, "it printed no more"
        found: dict[str, Any] = json.loads(line)
        return found


@contextmanager
def started(
    command: Sequence[str | Path], environ: Mapping[str, str], *, stdin: IO[str] | int = subprocess.DEVNULL
) -> Iterator[tuple[subprocess.Popen[str], Output]]:
    """A process whose stderr goes to a pipe; it does not outlive the block."""
    with subprocess.Popen(
        command, cwd=REPOSITORY, env={**os.environ, **environ}, stdin=stdin,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            yield process, Output(process.stdout)
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()


def what(record: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    metadata = record["metadata"]
    return metadata["TableName"], metadata["OperationType"], record["data"]


@pytest.mark.engine
@pytest.mark.timeout(300)
def test_the_mssql_example_checks_the_database_and_streams_in_containers(
    engine: str, images: Images, server: SqlServer, tmp_path: Path
) -> None:
    environ = {
        "DOCKER_HOST": engine,
        "DSTREAM_MIRRORS": json.dumps(images.mirrors),
        "DSTREAM_STATE_DIR": str(tmp_path),
        "SQL_CONNECTION": connection_string(server, "host.docker.internal"),
    }

    def lacks() -> list[dict[str, Any]]:
        done = subprocess.run(
            [DSTREAM, "--json", "--config", EXAMPLE, "check", "mssql-to-console"],
            env={**os.environ, **environ}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        events = [json.loads(line) for line in done.stdout.splitlines()]
        reply = next(event["reply"] for event in events if event["event"] == "check" and event["role"] == "input")
        found = [finding for finding in reply["findings"] if not finding["ok"]]
        assert done.returncode == (1 if found else 0), done.stderr
        return found

    for finding in lacks():
        server.execute(*finding["remedy"].split("; "))
    server.capture.scan()
    assert lacks() == []

    run = (DSTREAM, "--config", EXAMPLE, "run", "mssql-to-console")
    with started(run, environ) as (process, output):
        assert what(output.record()) == ("Persons", "Snapshot", {"ID": 1, "Name": "Zoë"})
        server.execute(
            "BEGIN TRAN; INSERT INTO dbo.Orders VALUES (7, 12.30); UPDATE dbo.Persons SET Name = N'Zoé'; COMMIT"
        )
        assert what(output.record()) == ("Orders", "Insert", {"ID": 7, "Total": 12.3})
        changed = output.record()
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.read()
        assert process.wait(PATIENCE_S) == 0, said
    assert what(changed) == ("Persons", "Update", {"ID": 1, "Name": "Zoé"})
    assert changed["before"] == {"ID": 1, "Name": "Zoë"}
    assert "3 emitted = 3 relayed = 3 acknowledged" in said

    server.execute("DELETE FROM dbo.Persons")
    with started(run, environ) as (_, output):
        assert what(output.record()) == ("Persons", "Delete", {"ID": 1, "Name": "Zoé"})


def by_hand(server: SqlServer, folder: Path, command: Sequence[str | Path], environ: Mapping[str, str]) -> None:
    """`echo '{…}' | COMMAND`: a config and nothing more, and a signal at the end."""
    server.execute(
        "EXEC sys.sp_cdc_enable_db",
        "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'Persons', @role_name = NULL",
    )
    config = {"connection_string": connection_string(server, "127.0.0.1"), "tables": ["Persons"]}
    (folder / "config.json").write_text(json.dumps(config) + "\n")
    with (folder / "config.json").open() as stdin, started(command, environ, stdin=stdin) as (process, output):
        assert output.record()["status"] == "ready"
        assert what(output.record()) == ("Persons", "Snapshot", {"ID": 1, "Name": "Zoë"})
        server.execute("INSERT INTO dbo.Persons VALUES (2, N'x')")
        assert what(output.record()) == ("Persons", "Insert", {"ID": 2, "Name": "x"})
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0


def test_the_provider_by_hand_takes_a_config_and_prints_records(server: SqlServer, tmp_path: Path) -> None:
    by_hand(server, tmp_path, [REPOSITORY / "images" / "mssql-cdc-provider" / "provider"], {})


@pytest.mark.engine
@pytest.mark.timeout(300)
def test_the_image_by_hand_takes_a_config_and_prints_records(
    engine: str, images: Images, server: SqlServer, tmp_path: Path
) -> None:
    run = ("docker", "run", "--rm", "--interactive", "--network", "host", images.mssql)
    by_hand(server, tmp_path, run, {"DOCKER_HOST": engine})
