"""A network that can be cut: a loopback port whose bytes go to another one, or nowhere."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


class Proxy:
    """`with Proxy(address) as proxy`. Both addresses are host:port."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._flowing = threading.Event()
        self._flowing.set()
        self._losing = 0
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name="proxy", daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Let nothing through, and nobody notice: what is sent waits, and arrives late where the cut is mended."""
        self._flowing.clear()

    def mend(self) -> None:
        self._flowing.set()

    def lose_answers(self, count: int) -> None:
        """Let that many answers not arrive: their connections break instead."""
        self._losing = count

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._flowing.set()
        _close(self._listener)
        self._thread.join()
        for one in self._sockets:
            _close(one)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._sockets.add(near)
                far = socket.create_connection(self._target)
                self._sockets.add(far)
                self._pump(near, far, lambda: False)
                self._pump(far, near, self._lost)

    def _pump(self, source: socket.socket, target: socket.socket, lost: Callable[[], bool]) -> None:
        def run() -> None:
            with contextlib.suppress(OSError):
                while (data := source.recv(65536)) and not lost():
                    self._flowing.wait()
                    target.sendall(data)
            for one in (source, target):
                _close(one)

        threading.Thread(target=run, name="proxy", daemon=True).start()

    def _lost(self) -> bool:
        self._losing -= 1
        return self._losing >= 0


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
