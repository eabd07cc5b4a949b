#!/usr/bin/env -S python3 -IS
"""An output into a file: lines are kept in memory, written some at a time, and synced before they are acknowledged.

Every start writes a marker line that holds the run's id. SIGTERM writes what is held and exits 1.

    folder     where its files are: `sink`, and `output-up` (it runs)
    batch      lines held before they are written
    linger     seconds between the sync and its ack
    per_line   seconds that a line takes
    exit_at, exit_status
               exit at this line, once: the file `exited` remembers it
    wait_at    at this line, read nothing until the file `go` exists; `waiting` says that it is so
    ack_first  acknowledge at once and write at the end: what an output must never do
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

stopping = False
reading = False


class Stopped(Exception):
    pass


def on_term(*_: object) -> None:
    global stopping  # noqa: PLW0603 - a handler has nowhere else to leave its word
    stopping = True
    if reading:
        raise Stopped


def say(message: object) -> None:
    data = json.dumps(message, separators=(",", ":")).encode() + b"\n"
    while data:
        data = data[os.write(1, data) :]


def pause(seconds: float) -> None:
    select.select([], [], [], seconds)


def lines() -> Iterator[bytes]:
    """Lines until the end of stdin or SIGTERM; what has no newline counts for nothing."""
    global reading  # noqa: PLW0603
    unfinished = b""
    while not stopping:
        try:
            reading = True
            chunk = os.read(0, 65536)
        except Stopped:
            return
        finally:
            reading = False
        if not chunk:
            return
        *whole, unfinished = (unfinished + chunk).split(b"\n")
        for line in whole:
            yield line + b"\n"


class Sink:
    def __init__(self, envelope: dict[str, Any]) -> None:
        self.config = config = envelope["config"]
        self.folder = config["folder"]
        self.held: list[bytes] = []
        self.received = 0
        self.file = os.open(self.folder + "/sink", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self.cut_torn_line()
        os.write(self.file, b'{"start":"%s"}\n' % envelope["run_id"].encode())

    def cut_torn_line(self) -> None:
        """What a killed sink was writing."""
        size = os.fstat(self.file).st_size
        tail = os.pread(self.file, 65536, max(0, size - 65536))
        os.ftruncate(self.file, size - (len(tail) - tail.rfind(b"\n") - 1))

    def run(self) -> int:
        self.first("output-up")
        say({"status": "ready", "protocol": 1, "capabilities": ["ack"]})
        for line in lines():
            if line.startswith(b'{"checkpoint":'):
                self.acknowledge(json.loads(line)["checkpoint"])
            elif line.startswith(b'{"end":'):
                self.write()
                os.fsync(self.file)
                say({"end": {"records": self.received, "rejected": 0}})
                return 0
            else:
                self.take(line)
        self.write()
        return 1

    def take(self, line: bytes) -> None:
        config = self.config
        self.held.append(line)
        self.received += 1
        if config.get("per_line"):
            pause(config["per_line"])
        if self.received == config.get("exit_at") and self.first("exited"):
            os._exit(config["exit_status"])
        if self.received == config.get("wait_at") and self.first("waiting"):
            while not os.path.exists(self.folder + "/go"):
                pause(0.01)
        if len(self.held) >= config.get("batch", 1) and not config.get("ack_first"):
            self.write()

    def acknowledge(self, mark: dict[str, Any]) -> None:
        ack = {"ack": {"id": mark["id"], "records": self.received, "rejected": 0}}
        if self.config.get("ack_first"):
            say(ack)
            return
        self.write()
        os.fsync(self.file)
        if self.config.get("linger"):
            pause(self.config["linger"])
        say(ack)

    def write(self) -> None:
        data = b"".join(self.held)
        self.held.clear()
        while data:
            data = data[os.write(self.file, data) :]

    def first(self, name: str) -> bool:
        with contextlib.suppress(FileExistsError):
            os.close(os.open(f"{self.folder}/{name}", os.O_CREAT | os.O_EXCL))
            return True
        return False


signal.signal(signal.SIGTERM, on_term)
sys.exit(Sink(json.loads(sys.stdin.buffer.readline())).run())
