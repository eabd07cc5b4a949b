"""A private Docker Engine, which a test may kill."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.servers.script import run_script, server_name

if TYPE_CHECKING:
    from types import TracebackType


class PrivateEngine:
    """An engine of its own for a test: `with PrivateEngine("faults") as engine`.

    `host` is its DOCKER_HOST. With `live_restore` its containers outlive it.
    """

    def __init__(self, suffix: str = "", *, live_restore: bool = False) -> None:
        self._arguments = ["--name", server_name(suffix)]
        self._pid_file = Path(f"/tmp/dstream-engine-{server_name(suffix)}/engine.pid")
        self._live_restore = live_restore
        self.host = ""

    def start(self) -> Self:
        """Start it, or revive it after `kill` with the images and containers that it had."""
        options = ["--live-restore"] if self._live_restore else []
        self.host = run_script("engine", "start", *self._arguments, *options, timeout=600)
        return self

    def kill(self) -> None:
        """SIGKILL to the engine alone, as when it crashes."""
        os.kill(int(self._pid_file.read_text()), signal.SIGKILL)

    def stop(self) -> None:
        """End it and everything that runs in it, and remove what it wrote."""
        run_script("engine", "stop", *self._arguments)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
