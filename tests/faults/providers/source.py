#!/usr/bin/env -S python3 -IS
"""An input whose database forgets: what was acknowledged is pruned, durably, and can never be read again.

Record n is the same bytes whenever it is written, and a checkpoint's id is the number of the record before it.
A state that the database has forgotten the successors of is refused with the handshake, so an acknowledgement
that came too early cannot stay hidden.

    folder    where its files are: `written` (the newest record written, every hundredth without a rate),
              `pruned` (the newest forgotten) and `input-up` (it runs)
    count     how many records there are
    every     records between two checkpoints
    rate      records a second; as fast as possible without
    hold_at   the record after which nothing more comes until SIGTERM, which drains; without, SIGTERM kills
"""

import json
import os
import select
import signal
import sys
import threading
import time
from typing import Any


def say(message: object) -> None:
    write(json.dumps(message, separators=(",", ":")).encode() + b"\n")


def write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


def record(number: int) -> bytes:
    """Record `number`; `tests.faults.sinkfile` makes the same bytes again."""
    return b'{"data":{"value":%d,"text":"%s"},"metadata":{"seq":%d}}\n' % (number, "é".encode() * (number % 50), number)


class Number:
    """A number in a file."""

    def __init__(self, path: str) -> None:
        self._path = path

    def get(self) -> int:
        try:
            with open(self._path) as file:
                return int(file.read())
        except FileNotFoundError:
            return 0

    def put(self, number: int, *, durable: bool) -> None:
        """Readers never see half of it."""
        draft = self._path + ".new"
        with open(draft, "w") as file:
            file.write(str(number))
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(draft, self._path)


class Source:
    def __init__(self, envelope: dict[str, Any]) -> None:
        config = envelope["config"]
        self.first = (envelope.get("state") or {"number": 0})["number"]
        self.count = config["count"]
        self.every = config["every"]
        self.rate = config.get("rate")
        self.hold_at = config.get("hold_at")
        self.folder = config["folder"]
        self.written = Number(self.folder + "/written")
        self.pruned = Number(self.folder + "/pruned")
        self.ended = False
        self.draining = threading.Event()

    def run(self) -> None:
        Number(self.folder + "/input-up").put(os.getpid(), durable=False)
        forgotten = self.pruned.get()
        if self.first < forgotten:
            message = f"records up to {forgotten} are forgotten, there is no way back to {self.first}"
            say({"status": "error", "message": message})
            return
        if self.hold_at:
            signal.signal(signal.SIGTERM, lambda *_: self.draining.set())
        say({"status": "ready", "protocol": 1, "capabilities": ["checkpoint"]})
        reader = threading.Thread(target=self.read_acks)
        reader.start()
        self.stream()
        reader.join()

    def stream(self) -> None:
        began = time.monotonic()
        number = marked = self.first
        while number < self.count and not self.draining.is_set():
            number += 1
            if self.rate and (early := began + (number - self.first) / self.rate - time.monotonic()) > 0:
                select.select([], [], [], early)
            write(record(number))
            if self.rate or number % 100 == 0 or number == self.hold_at:
                self.written.put(number, durable=False)
            if number % self.every == 0:
                marked = number
                self.checkpoint(number)
            if number == self.hold_at:
                self.draining.wait()
        if marked < number:
            self.checkpoint(number)
        self.ended = True
        say({"end": {"records": number - self.first}})

    def checkpoint(self, number: int) -> None:
        say({"checkpoint": {"id": number, "records": number - self.first, "state": {"number": number}}})

    def read_acks(self) -> None:
        for line in sys.stdin.buffer:
            self.pruned.put(json.loads(line)["ack"]["id"], durable=True)
        if not self.ended:
            os._exit(1)  # nobody is there any more


Source(json.loads(sys.stdin.buffer.readline())).run()
