"""One run of the provider without an orchestrator: its records taken, its checkpoints stored, and its death."""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import signal
import threading
from typing import TYPE_CHECKING, Any

from tests.faults.mssql.delivery import Delivered

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.mssql.nursery import Nursery

ENDS_WITHIN = 30.0


class DirectRun:
    """What an orchestrator would do: `delivered` is what reached the sink, and what was stored.

    `stores` is how likely a checkpoint is stored: where many come, not all of them are, but one that begins the run or
    a snapshot is, since none may follow. Behind `kill_at` records the provider is killed; with `deaf` what it wrote
    until then is heard no more, as if the orchestrator had died too. `dies_inside` is how likely both die of a
    checkpoint inside a transaction, once it is stored.
    """

    def __init__(
        self,
        nursery: Nursery,
        config: dict[str, Any],
        state: Any,
        errors: Path,
        *,
        settings: dict[str, Any],
        stores: float = 1.0,
        kill_at: int | None = None,
        dies_inside: float = 0.0,
        deaf: bool = False,
        seed: str = "",
    ) -> None:
        self.delivered = Delivered(state=state)
        self.ready = False
        self.ended = False
        """Whether it said that it had sent everything, and how much that was was right."""
        self._errors = errors
        self._choice = random.Random(seed)
        self._stores, self._kill_at, self._dies_inside, self._deaf = stores, kill_at, dies_inside, deaf
        self._dead = False
        stdin, self._writing = os.pipe()
        self._reading, stdout = os.pipe()
        with errors.open("wb") as stderr:
            self._pidfd = nursery.start(stdin, stdout, stderr.fileno(), settings)
        os.close(stdin)
        os.close(stdout)
        asked = {"command": "run", "protocol": 1, "role": "input", "task": "all", "delivery": "at-least-once"}
        self._tell({**asked, "config": config, "state": state})
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def state(self) -> Any:
        """What is stored now."""
        return self.delivered.state

    @property
    def over(self) -> bool:
        return not self._reader.is_alive()

    @property
    def stderr(self) -> str:
        return self._errors.read_text()

    def kill(self) -> None:
        self._dead = True
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to wind down."""
        self._signal(signal.SIGTERM)

    def pause(self, seconds: float) -> None:
        """Do nothing, for as long as it runs."""
        self._reader.join(seconds)

    def wait(self) -> None:
        """Wait for its end. Fails where it does not come, and kills it then."""
        self._reader.join(ENDS_WITHIN)
        hung = self._reader.is_alive()
        if hung:
            self.kill()
            self._reader.join(ENDS_WITHIN)
        if not select.select([self._pidfd], [], [], ENDS_WITHIN)[0]:
            raise AssertionError("the provider outlives its stdout")
        for descriptor in (self._pidfd, self._reading, self._writing):
            os.close(descriptor)
        assert not hung, f"the provider does not end; it said:\n{self.stderr}"

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, number)

    def _tell(self, message: object) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(self._writing, json.dumps(message).encode() + b"\n")

    def _read(self) -> None:
        unfinished = b""
        while chunk := os.read(self._reading, 4096):
            *lines, unfinished = (unfinished + chunk).split(b"\n")
            for line in lines:
                if not (self._dead and self._deaf):
                    self._take(json.loads(line))

    def _take(self, line: dict[str, Any]) -> None:
        delivered = self.delivered
        if "data" in line:
            delivered.records.append(line)
            if self._kill_at and len(delivered.records) >= self._kill_at:
                self.kill()
        elif mark := line.get("checkpoint"):
            assert mark["records"] == len(delivered.records), line
            if self._choice.random() < self._stores or _snapshots(mark["state"]) - _snapshots(delivered.state):
                delivered.stored, delivered.state = mark["records"], mark["state"]
                self._tell({"ack": {"id": mark["id"], "records": mark["records"]}})
                if mark["state"]["order"] and self._choice.random() < self._dies_inside:
                    self._deaf = True
                    self.kill()
        elif "status" in line:
            self.ready = line["status"] == "ready"
        elif end := line.get("end"):
            self.ended = end["records"] == len(delivered.records)
            os.close(self._writing)
            self._writing = os.dup(self._reading)  # closed once, like the other


def _snapshots(state: Any) -> set[str]:
    """What is still to be read by a state, and that there is one."""
    return {"begun", *(job["id"] for job in state["snapshot"]["jobs"])} if state else set()
