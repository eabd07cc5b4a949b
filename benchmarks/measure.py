"""What the benchmarks share: alternating runs, medians, and the real command watched while it runs."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

REPOSITORY = Path(__file__).parents[1]
DSTREAM = Path(sys.executable).with_name("dstream")


@dataclass(frozen=True)
class Ran:
    """One `dstream run`. `seconds` is from when data may flow to the last ack.

    `rss` is the orchestrator's peak, `held` what it held ten times a second while data flowed, both in MiB.
    """

    seconds: float
    records: int
    bytes: int
    rss: float
    held: list[float]


def dstream_run(project: Path, task: str, environ: Mapping[str, str] | None = None) -> Ran:
    """Run a task to its end. Raises `SystemExit` with its stderr when it fails."""
    command = [str(DSTREAM), "--json", "--config", str(project / "dstream.hcl"), "run", task]
    environ = {**os.environ, "DSTREAM_STATE_DIR": str(project / f".dstream-{time.monotonic_ns()}"), **(environ or {})}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        began = ended = time.monotonic()
        rss = 0.0
        held: list[float] = []
        over = threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, held, over))
        summary: dict[str, object] = {}
        for line in process.stdout:
            event = json.loads(line)
            phase = event.get("phase")
            if phase == "running":
                began = time.monotonic()
                watcher.start()
            elif phase == "stopping":
                ended = time.monotonic()
                rss = memory(process.pid, "VmHWM")
                over.set()
            elif event["event"] == "summary":
                summary = event
        assert process.stderr is not None
        errors = process.stderr.read().decode()
    if process.returncode:
        raise SystemExit(errors)
    return Ran(ended - began, int(str(summary["relayed"])), int(str(summary["bytes"])), rss, held)


def _watch(pid: int, held: list[float], over: threading.Event) -> None:
    while not over.wait(0.1) and (now := memory(pid, "VmRSS")):
        held.append(now)


def memory(pid: int, figure: Literal["VmRSS", "VmHWM"]) -> float:
    """MiB that the process holds now or has held at most, 0 once it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0.0
    return int(status.split(f"{figure}:")[1].split()[0]) / 1024


def alternate(rounds: int, *runs: Callable[[], float]) -> list[list[float]]:
    """Each run's figures, taken in turn so that a drift of the machine meets all of them alike."""
    figures: list[list[float]] = [[] for _ in runs]
    for run in runs:
        run()  # the first of each warms caches and is not counted
    for _ in range(rounds):
        for taken, run in zip(figures, runs, strict=True):
            taken.append(run())
    return figures


def ratio(ours: list[float], theirs: list[float]) -> float:
    """The median of the ratios of neighbouring runs."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def machine() -> str:
    """One line about where this was measured."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        "unknown processor",
    )
    return f"{os.cpu_count()} x {model}, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}"
