"""A process that has imported the provider and forks one for whoever asks: a start takes milliseconds.

The forked one is the provider as its image runs it, on descriptors of its own. Checkpoints come after fewer records
than usual, so that there are some inside of transactions and between the pages of a snapshot.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

MESSAGE = 1 << 16


class Nursery:
    """`with Nursery() as nursery`: providers until the block is left. One thread at a time."""

    def __enter__(self) -> Self:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
            self._process = subprocess.Popen([sys.executable, "-m", __name__], stdin=theirs.fileno(), env=environ)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ours.close()
        self._process.wait(60)

    def start(self, stdin: int, stdout: int, stderr: int, settings: dict[str, Any]) -> int:
        """A provider on these descriptors. Returns a pidfd of it."""
        socket.send_fds(self._ours, [json.dumps(settings).encode()], [stdin, stdout, stderr])
        _, (pidfd,), _, _ = socket.recv_fds(self._ours, MESSAGE, 1)
        return pidfd


def serve() -> None:
    """Fork a provider for each message on stdin, until nobody is there to send one."""
    from mssql_cdc_provider import provider  # noqa: F401, PLC0415 - what all of them share

    asked = socket.socket(fileno=0)
    while True:
        message, descriptors, _, _ = socket.recv_fds(asked, MESSAGE, 3)
        if not message:
            return
        pid = os.fork()
        if not pid:
            become_provider(descriptors, json.loads(message))
        pidfd = os.pidfd_open(pid)
        socket.send_fds(asked, [b"started"], [pidfd])
        for descriptor in (*descriptors, pidfd):
            os.close(descriptor)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def become_provider(descriptors: Sequence[int], settings: dict[str, Any]) -> None:
    from dstream_sdk import run_provider  # noqa: PLC0415
    from mssql_cdc_provider import streaming  # noqa: PLC0415
    from mssql_cdc_provider.provider import MssqlCdc  # noqa: PLC0415
    from mssql_cdc_provider.snapshot import slices, snapshots  # noqa: PLC0415
    from tests.faults.mssql.broken import BROKEN  # noqa: PLC0415

    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    streaming.CHECKPOINT_RECORDS = settings["checkpoint_records"]
    snapshots.SLICE_S = slices.MARK_S = settings["slice_s"]
    if settings.get("broken"):
        BROKEN[settings["broken"]]()
    run_provider(MssqlCdc)


if __name__ == "__main__":
    serve()
