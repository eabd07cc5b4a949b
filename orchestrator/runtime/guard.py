"""The guard: one small process per run that outlives the orchestrator by a moment, to kill what it left.

This is the orchestrator's side; `sentry.py` is the process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import UnavailableError

if TYPE_CHECKING:
    from orchestrator.runtime.session import Session

_SENTRY = Path(__file__).with_name("sentry.py")
_LEAVES_WITHIN = 5.0


class Guard:
    """Kills whatever is still watched when this object's process ends, however it ends, or is no longer heard of.

    Shared by the runtimes of one run, thread-safe, started by the first thing watched.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: dict[str, str] = {}
        self._until: str | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe = -1

    def watch_session(self, key: str, session: Session) -> None:
        """Kill these processes if the orchestrator dies before `release(key)`.

        Raises `UnavailableError` (`runtime.guard`) when there can be no guard.
        """
        self._watch(key, {"watch": key, "session": asdict(session)})

    def watch_container(self, key: str, container: str, engine: str) -> None:
        """Kill and remove this container of the engine at the address `engine`. Otherwise as `watch_session`."""
        self._watch(key, {"watch": key, "container": container, "engine": engine, "path": sys.path})

    def until(self, moment: float) -> None:
        """Kill what is watched at `moment` (of `orchestrator.runtime.clock`), unless a later one is named before.

        A process that was stopped cannot name one: what it started does not outlive the right to run by much.
        """
        with self._lock:
            self._until = json.dumps({"until": moment})
            self._tell(self._until)

    def release(self, key: str) -> None:
        """It is gone, or somebody else's. Idempotent."""
        with self._lock:
            if self._watched.pop(key, None) is not None and self._process is not None:
                self._tell(json.dumps({"release": key}))

    def close(self) -> None:
        """Let go of the guard: it leaves at once, or after it has killed what was never released. Idempotent."""
        with self._lock:
            if self._pipe >= 0:
                os.close(self._pipe)
                self._pipe = -1
            if self._process is not None and not self._watched:
                try:
                    self._process.wait(_LEAVES_WITHIN)
                except subprocess.TimeoutExpired:  # stopped, or starved: with nothing to watch it is not needed
                    self._process.kill()
                    self._process.wait()
                self._process = None

    def _watch(self, key: str, what: dict[str, object]) -> None:
        line = json.dumps(what)
        with self._lock:
            self._watched[key] = line
            if self._pipe < 0:
                self._start()
            else:
                self._tell(line)

    def _tell(self, line: str) -> None:
        if self._pipe < 0:
            return
        try:
            self._write(line)
        except BrokenPipeError:  # somebody killed the guard: a run is never without one
            os.close(self._pipe)
            self._start()

    def _write(self, line: str) -> None:
        data = line.encode() + b"\n"
        while data:
            data = data[os.write(self._pipe, data) :]

    def _start(self) -> None:
        if self._process is not None:
            self._process.poll()
        reading, self._pipe = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(_SENTRY)],
                stdin=reading,
                stdout=subprocess.DEVNULL,  # a caller that waits for the end of our output must not wait for the guard
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,  # out of reach of the terminal's signals
            )
        except OSError as error:
            os.close(self._pipe)
            self._pipe = -1
            raise UnavailableError("runtime.guard", f"cannot start the guard process: {error.strerror}") from error
        finally:
            os.close(reading)
        for known in self._watched.values():
            self._write(known)
        if self._until is not None:  # the last word: it may have come
            self._write(self._until)
