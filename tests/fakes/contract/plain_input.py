"""A correct input in plain Python, without the SDK. The broken ones beside it override one step each.

Counts to `count` (0: without end), with a checkpoint every 50 records.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from typing import Any, ClassVar


class PlainInput:
    capabilities = ("checkpoint",)
    config_schema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "properties": {
            "count": {
                "type": "integer",
                "default": 0,
                "description": "The last number; 0 never ends.",
                "examples": [5],
            },
            "token": {"type": "string", "default": "", "description": "A secret.", "writeOnly": True},
        },
    }

    def __init__(self) -> None:
        self.protocol: int | None = None
        self.config: dict[str, Any] = {}
        self.stopping = False
        self.cancelled = False
        self.records = 0
        self.checkpoints = 0

    def serve(self) -> int:
        signal.signal(signal.SIGTERM, lambda *_: self.on_sigterm())
        line = b""
        while not line.endswith(b"\n") and (byte := os.read(0, 1)):
            line += byte
        try:
            envelope = json.loads(line)
        except ValueError as error:
            return self.refuse(self.unreadable(line, error))
        self.config = envelope.get("config", {})
        self.protocol = envelope.get("protocol")
        return self.dispatch(envelope)

    def dispatch(self, envelope: dict[str, Any]) -> int:
        command = envelope["command"]
        if command == "describe":
            self.send({"status": "ready", "protocol": 1})
            self.send(self.description())
            return 0
        if command == "check":
            return self.check()
        if command != "run":
            return self.on_unknown(command, envelope)
        return self.run(envelope)

    def run(self, envelope: dict[str, Any]) -> int:
        mistake = self.mistake()
        if mistake:
            return self.refuse(mistake)
        self.shake_hands()
        self.stream((envelope.get("state") or {"value": 0})["value"])
        return self.finish()

    def stream(self, value: int) -> None:
        last = self.config.get("count", 0)
        while (not last or value < last) and not self.stopping:
            value += 1
            self.send({"data": {"value": value}, "metadata": {"seq": value}})
            self.records += 1
            if self.records % 50 == 0:
                self.checkpoint(value)
            self.listen()
            if not last:
                time.sleep(0.0005)
        if not self.cancelled:
            self.checkpoint(value)

    def finish(self) -> int:
        if self.cancelled:
            return 1
        if self.protocol:
            self.send({"end": {"records": self.records}})
            while os.read(0, 65536):
                pass
        return 0

    def checkpoint(self, value: int) -> None:
        if self.protocol:
            self.checkpoints += 1
            self.send({"checkpoint": {"id": self.checkpoints, "records": self.records, "state": {"value": value}}})

    def listen(self) -> None:
        """Take what is on stdin; its end cancels."""
        if self.protocol and select.select([0], [], [], 0)[0]:
            chunk = os.read(0, 65536)
            if chunk:
                self.on_line(chunk)
            else:
                self.on_eof()

    def on_line(self, chunk: bytes) -> None:
        """Acks need no answer."""

    def on_eof(self) -> None:
        self.stopping = self.cancelled = True

    def on_sigterm(self) -> None:
        self.stopping = True

    def on_unknown(self, command: str, envelope: dict[str, Any]) -> int:
        return self.refuse(f"no command `{command}`")

    def unreadable(self, line: bytes, error: ValueError) -> str:
        return f"the first line is no JSON at byte {getattr(error, 'pos', 0)}"

    def check(self) -> int:
        self.send({"status": "ready", "protocol": 1})
        self.send({"status": "Success", "findings": []})
        return 0

    def mistake(self) -> str:
        for name, kind in (("count", int), ("token", str)):
            if not isinstance(self.config.get(name, kind()), kind):
                return f"`{name}` must be {kind.__name__}"
        return ""

    def shake_hands(self) -> None:
        if self.protocol:
            self.send({"status": "ready", "protocol": 1, "capabilities": list(self.capabilities)})
        else:
            self.send({"status": "ready"})

    def refuse(self, message: str) -> int:
        self.send({"status": "error", "message": message})
        return 1

    def description(self) -> dict[str, Any]:
        return {
            "name": "plain-input",
            "role": "input",
            "protocol": 1,
            "capabilities": list(self.capabilities),
            "commands": ["describe", "check", "run"],
            "config_schema": self.config_schema,
        }

    def send(self, message: dict[str, Any]) -> None:
        self.write(json.dumps(message, separators=(",", ":")))

    def write(self, line: str) -> None:
        try:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            os._exit(1)


if __name__ == "__main__":
    sys.exit(PlainInput().serve())
