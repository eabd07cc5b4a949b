"""Supervisors: a process for each task, out of reach of this one's terminal, that says how its start goes.

A supervisor is `dstream supervise TASK`. Its order comes by its stdin, so that no variable is ever seen in a process
list; its events, those of `run --json`, go to its stdout, which is read until both providers are ready.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING, Any, cast

import msgspec

from orchestrator.errors import RunError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.cli.runs.order import Order

_COMMAND = (sys.executable, "-P", "-m", "orchestrator.cli.main", "--json", "supervise")
_EXITS_WITHIN = 30.0


class Supervisor:
    """A supervisor that was started. Not thread-safe but for `drain`.

    Making one raises `UnavailableError` (`supervisor.start`). One whose order is `attached` drains when this process
    ends or lets go of it; otherwise nothing that becomes of this process is anything to it.
    """

    def __init__(self, order: Order) -> None:
        self.order = order
        self.task = order.task
        try:
            self._process = subprocess.Popen(
                [*_COMMAND, order.task, "--config", order.config],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=order.folder,
                start_new_session=True,
            )
        except OSError as error:
            message = f"cannot start the supervisor of task `{order.task}`: {error.strerror or error}"
            raise UnavailableError("supervisor.start", message) from error
        self._stdin, self._stdout = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)
        self.pid = self._process.pid
        try:
            self._stdin.write(msgspec.json.encode(order) + b"\n")
            self._stdin.flush()
        except BrokenPipeError:
            return  # it is dead, as the end of its events will tell
        if not order.attached:
            self._stdin.close()

    def events(self, timeout: float | None = None) -> Iterator[dict[str, Any]]:
        """What it says, to its end. Raises `TimeoutError` when that has not come within `timeout` seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        unfinished = b""
        while True:
            left = None if end is None else max(0.0, end - time.monotonic())
            if not select.select([self._stdout], [], [], left)[0]:
                raise TimeoutError
            chunk = os.read(self._stdout.fileno(), 65536)
            if not chunk:
                return
            *lines, unfinished = (unfinished + chunk).split(b"\n")
            yield from map(json.loads, lines)

    def drain(self) -> None:
        """Send it SIGTERM: the first drains, the second ends it. May be called from a signal handler."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Its exit code, once its events have come to their end."""
        try:
            return self._process.wait(_EXITS_WITHIN)
        except subprocess.TimeoutExpired:
            message = f"the supervisor of task `{self.task}` said its last word and does not end"
            raise RunError("supervisor.lingers", message, hint=f"`dstream stop {self.task}` ends it") from None

    def let_go(self) -> None:
        """Hear no more of it: an attached one drains then."""
        for stream in (self._stdin, self._stdout):
            stream.close()
