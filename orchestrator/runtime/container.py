"""One container of a run, from its start to its removal."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

from orchestrator.errors import UnavailableError
from orchestrator.runtime.base import Exit
from orchestrator.runtime.frames import FrameSource, SocketSink

if TYPE_CHECKING:
    import socket

    from orchestrator.runtime.base import Usage
    from orchestrator.runtime.docker import Engine
    from orchestrator.runtime.guard import Guard

_PATIENCE = 10.0
"""Seconds that a question to the engine may take while somebody waits for its answer."""

_SIGNALLED = 128
"""The init process ends with this and the signal's number where a signal ended the program."""

_BY_SIGNAL = range(_SIGNALLED + 1, _SIGNALLED + 32)
_BY_KILL = _SIGNALLED + signal.SIGKILL


class RunningContainer:
    """A container, attached and started. See `RunningProvider`.

    `terminate` and `kill` raise `UnavailableError` (`engine.…`) when the engine does not answer
    within ten seconds.
    """

    def __init__(
        self,
        engine: Engine,
        guard: Guard,
        container: str,
        attached: tuple[socket.socket, socket.socket, socket.socket],
    ) -> None:
        """A container that is created, attached and not yet started."""
        self._engine = engine
        self._guard = guard
        self._id = container
        self._exit: Exit | None = None
        self._lost: UnavailableError | None = None
        self._ended = threading.Event()
        self._waiter: threading.Thread | None = None
        stdin, stdout, stderr = attached
        self.stdin = SocketSink(stdin)
        self.stdout = FrameSource(stdout, self._alive)
        self.stderr = FrameSource(stderr, self._alive)

    @property
    def identity(self) -> str:
        return self._id

    def start(self) -> None:
        """Start the program. What `Engine.start` raises."""
        self._engine.start(self._id)
        self._waiter = threading.Thread(target=self._watch, name=f"wait {self._id[:12]}", daemon=True)
        self._waiter.start()

    def wait(self, timeout: float | None = None) -> Exit | None:
        if self._ended.wait(timeout) and self._lost is not None:
            raise self._lost
        return self._exit

    def usage(self, timeout: float) -> Usage | None:
        return None if self._ended.is_set() else self._engine.usage(self._id, timeout)

    def terminate(self) -> None:
        # The signal, not the engine's `stop`: that one kills after a while, and blocks until then.
        self._engine.signal(self._id, "SIGTERM", _PATIENCE)

    def kill(self) -> None:
        self._engine.signal(self._id, "SIGKILL", _PATIENCE)

    def dispose(self, deadline: float) -> None:
        end = time.monotonic() + deadline
        # First of all: an engine that cannot deliver an exited container's output answers nothing about it.
        self.stdin.discard()
        self.stdout.close()
        self.stderr.close()
        self._engine.discard(self._id, deadline)
        if self._waiter is not None:
            self._waiter.join(max(0.0, end - time.monotonic()))
        self._guard.release(self._id)

    def _watch(self) -> None:
        try:
            status = self._engine.wait(self._id)
        except UnavailableError as error:
            self._lost = UnavailableError(
                "engine.lost",
                f"the Docker Engine at `{self._engine.address}` went away: {error.message}",
                hint="containers are killed as soon as it answers again",
            )
        else:
            oom = status == _BY_KILL and self._engine.out_of_memory(self._id, _PATIENCE)
            self._exit = Exit(None, status - _SIGNALLED, oom) if status in _BY_SIGNAL else Exit(status)
        self._ended.set()

    def _alive(self) -> bool:
        return self._lost is None and self._engine.answers(_PATIENCE)
