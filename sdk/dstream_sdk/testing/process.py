"""Drives one provider process from outside: writes its stdin, reads its stdout, never waits forever."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self

STDERR_KEPT = 64 * 1024
_READ = 256 * 1024
_NAMES = ("stdin", "stdout", "stderr")
_ENDING = (signal.SIGINT, signal.SIGTERM)


class DeadlineMissed(Exception):
    """The provider did not do in time what it was waited for."""


class ProviderProcess:
    """One start of the command. A context manager: leaving it kills whatever still runs.

    All three pipes are served by one loop, so neither a provider that does not read nor one that is
    not read can block it. stdout is read only while something is waited for, as a slow relay would.
    """

    def __init__(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        with _signals_wait(self._abandon):
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )
        pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
        self._open = {name: pipe for name, pipe in zip(_NAMES, pipes, strict=True) if pipe is not None}
        for pipe in self._open.values():
            os.set_blocking(pipe.fileno(), False)
        self._outgoing = bytearray()
        self._incoming = bytearray()
        self._searched = 0
        self._log = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.kill()
        self._process.wait()
        for name in _NAMES:
            self._close(name)

    @property
    def stderr(self) -> str:
        """What it logged so far, the newest 64 KiB."""
        return self._log.decode("utf-8", "replace")

    @property
    def unfinished(self) -> bytes:
        """What came on stdout without a newline behind it."""
        return bytes(self._incoming)

    def send(self, data: bytes, within: float) -> bool:
        """Write all of `data`. False when the provider closed its stdin, `DeadlineMissed` when it does not read."""
        self._outgoing += data
        deadline = time.monotonic() + within
        while self._outgoing and "stdin" in self._open:
            self._serve(deadline, f"did not read its stdin within {within:g} s")
        return "stdin" in self._open

    def line(self, within: float) -> bytes | None:
        """The next stdout line without its newline, or None at the end of stdout."""
        deadline = time.monotonic() + within
        while True:
            newline = self._incoming.find(b"\n", self._searched)
            if newline >= 0:
                line = bytes(self._incoming[:newline])
                del self._incoming[: newline + 1]
                self._searched = 0
                return line
            self._searched = len(self._incoming)
            if "stdout" not in self._open:
                return None
            self._serve(deadline, f"wrote no line to stdout within {within:g} s")

    def lines_until_end(self, within: float) -> list[bytes]:
        """Every further line up to the end of stdout."""
        deadline = time.monotonic() + within
        lines: list[bytes] = []
        try:
            while (line := self.line(max(0.0, deadline - time.monotonic()))) is not None:
                lines.append(line)
        except DeadlineMissed as error:
            raise DeadlineMissed(f"did not close stdout within {within:g} s") from error
        return lines

    def is_quiet(self, seconds: float) -> bool:
        """Whether it neither writes a line nor closes stdout for so long."""
        deadline = time.monotonic() + seconds
        try:
            while b"\n" not in self._incoming and "stdout" in self._open:
                self._serve(deadline, "")
        except DeadlineMissed:
            return True
        return False

    def close_stdin(self) -> None:
        """Give it EOF."""
        self._close("stdin")

    def close_stdout(self) -> None:
        """Read no more: its next write fails."""
        self._close("stdout")

    def terminate(self) -> None:
        """Send SIGTERM to the command itself; `docker run` passes it on."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to the command and everything that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def status(self, within: float) -> int:
        """The exit status, negative for a signal; what it still writes is read meanwhile."""
        deadline = time.monotonic() + within
        while (status := self._process.poll()) is None:
            if time.monotonic() > deadline:
                raise DeadlineMissed(f"did not exit within {within:g} s")
            self._turn(0.02)
        while "stderr" in self._open and self._turn(0.2):
            pass
        return status

    def _abandon(self) -> None:
        with self._process:
            self.kill()

    def _serve(self, deadline: float, complaint: str) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise DeadlineMissed(complaint)
        self._turn(left)

    def _turn(self, timeout: float) -> bool:
        """Wait for any pipe and serve those that are ready. Returns whether one was."""
        poll = select.poll()
        names: dict[int, str] = {}
        for name, pipe in self._open.items():
            if name == "stdin" and not self._outgoing:
                continue
            fd = pipe.fileno()
            names[fd] = name
            poll.register(fd, select.POLLOUT if name == "stdin" else select.POLLIN)
        if not names:
            time.sleep(timeout)
            return False
        ready = poll.poll(timeout * 1000)
        for fd, _ in ready:
            self._serve_pipe(names[fd], fd)
        return bool(ready)

    def _serve_pipe(self, name: str, fd: int) -> None:
        if name == "stdin":
            try:
                del self._outgoing[: os.write(fd, self._outgoing)]
            except BrokenPipeError:
                self._close("stdin")
            return
        data = os.read(fd, _READ)
        if not data:
            self._close(name)
        elif name == "stdout":
            self._incoming += data
        else:
            self._log += data
            del self._log[:-STDERR_KEPT]

    def _close(self, name: str) -> None:
        if name in self._open:
            self._open.pop(name).close()


@contextlib.contextmanager
def _signals_wait(undo: Callable[[], None]) -> Iterator[None]:
    """Keep signals back until this is left, and `undo` what it did if one of them raises then.

    In the middle of a start, the signal would find a process that runs already and that nobody knows yet.
    """
    if threading.current_thread() is not threading.main_thread():  # no other one gets any
        yield
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda got, _: came.append(got)) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        try:
            signal.raise_signal(came[0])
        except BaseException:
            undo()
            raise
