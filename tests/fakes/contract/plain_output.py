"""A correct output in plain Python, without the SDK. The broken ones beside it override one step each.

Appends the records to the file `path` and syncs it before each ack.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import sys
from typing import Any, ClassVar, NoReturn


class PlainOutput:
    capabilities = ("ack", "reject")
    config_schema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": "The file to append to.", "examples": ["/tmp/records"]},
        },
        "required": ["path"],
    }

    def __init__(self) -> None:
        self.protocol: int | None = None
        self.config: dict[str, Any] = {}
        self.records = 0
        self.rejected = 0
        self.file = -1

    def serve(self) -> int:
        buffer = bytearray()
        first = self.next_line(buffer)
        try:
            envelope = json.loads(first or b"")
        except ValueError:
            return self.refuse("the first line is no JSON")
        self.config = envelope.get("config", {})
        self.protocol = envelope.get("protocol")
        if envelope["command"] == "describe":
            self.send({"status": "ready", "protocol": 1})
            self.send(self.description())
            return 0
        if envelope["command"] != "run":
            return self.refuse(f"no command `{envelope['command']}`")
        if not isinstance(self.config.get("path"), str):
            return self.refuse("`path` must be a string")
        self.file = os.open(self.config["path"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        signal.signal(signal.SIGTERM, lambda *_: self.on_sigterm())
        self.shake_hands()
        return self.stream(buffer)

    def stream(self, buffer: bytearray) -> int:
        while (line := self.next_line(buffer)) is not None:
            if self.protocol and line.startswith(b'{"checkpoint":'):
                self.on_checkpoint(json.loads(line)["checkpoint"])
            elif self.protocol and line.startswith(b'{"end":'):
                return self.on_end()
            else:
                self.on_data(line)
        return self.on_eof(bytes(buffer))

    def next_line(self, buffer: bytearray) -> bytes | None:
        while True:
            newline = buffer.find(b"\n")
            if newline >= 0:
                line = bytes(buffer[:newline])
                del buffer[: newline + 1]
                return line
            chunk = os.read(0, 1 << 20)
            if not chunk:
                return None
            buffer += chunk

    def on_data(self, line: bytes) -> None:
        self.records += 1
        try:
            json.loads(line)["data"]
        except (ValueError, KeyError):
            self.on_bad_line(line)
        else:
            self.store(line)

    def on_bad_line(self, line: bytes) -> None:
        self.rejected += 1
        raw = base64.b64encode(line).decode()
        self.send({"reject": {"record": self.records, "code": "not_an_envelope", "raw": raw}})

    def store(self, line: bytes) -> None:
        os.write(self.file, line + b"\n")

    def on_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        os.fsync(self.file)
        self.ack(checkpoint["id"], checkpoint["records"])

    def ack(self, number: int, records: int) -> None:
        self.send({"ack": {"id": number, "records": records, "rejected": self.rejected}})

    def on_end(self) -> int:
        self.send({"end": {"records": self.records, "rejected": self.rejected}})
        return 0

    def on_eof(self, unfinished: bytes) -> int:
        return 1 if self.protocol else 0

    def on_sigterm(self) -> NoReturn:
        os._exit(1)

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
            "name": "plain-output",
            "role": "output",
            "protocol": 1,
            "capabilities": list(self.capabilities),
            "commands": ["describe", "run"],
            "config_schema": self.config_schema,
        }

    def send(self, message: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(message, separators=(",", ":")) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(PlainOutput().serve())
