"""The provider as a process, read to the last of so many records."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from benchmarks.measure import REPOSITORY, memory

sys.path.insert(0, str(REPOSITORY / "images" / "mssql-cdc-provider"))
from mssql_cdc_provider.state import State

PROVIDER = REPOSITORY / "images" / "mssql-cdc-provider" / "provider"
_RECORD = b'"OperationType"'
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Ran:
    """From when the provider was ready to its last record; `cpu` of the provider. `held` is MiB at every tenth."""

    rows: int
    seconds: float
    cpu: float
    held: list[float]


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


@contextmanager
def started(config: dict[str, Any]) -> Iterator[subprocess.Popen[bytes]]:
    """A run from the beginning of the log, once it is ready."""
    config = {"tables": ["*"], "snapshot": {"mode": "no_data"}, **config}
    envelope = {"command": "run", "config": config, "protocol": 1, "state": State().to_json()}
    environ = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DSTREAM_LOG_LEVEL": "error",
    }
    with subprocess.Popen([PROVIDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ, bufsize=0) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(envelope).encode() + b"\n")
        try:
            first = process.stdout.readline()
            if b'"ready"' not in first:
                raise SystemExit(first.decode())
            yield process
        finally:
            process.kill()


def read_log(config: dict[str, Any], rows: int) -> Ran:
    """Have every change of the log sent, of which there are `rows`."""
    with started(config) as process:
        assert process.stdout is not None
        return _follow(process, process.stdout, rows)


def _follow(process: subprocess.Popen[bytes], stdout: IO[bytes], rows: int) -> Ran:
    began, cpu, found, held = time.monotonic(), cpu_of(process.pid), 0, list[float]()
    tail = b""
    while found < rows:
        chunk = os.read(stdout.fileno(), 1 << 20)
        if not chunk:
            raise SystemExit(f"the provider ended after {found} of {rows} records")
        lines, newline, rest = chunk.rpartition(b"\n")
        if newline:
            found += (tail + lines).count(_RECORD)
            tail = rest
        else:
            tail += chunk
        if found * 10 // rows > len(held):
            held.append(memory(process.pid, "VmRSS"))
    return Ran(found, time.monotonic() - began, cpu_of(process.pid) - cpu, held)
