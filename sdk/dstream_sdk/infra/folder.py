"""What a task's infrastructure keeps on disk, and who may work on it."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import socket
import time
from pathlib import Path
from typing import Self

from dstream_sdk.errors import ProviderError
from dstream_sdk.stop import Stop

LOCK_WAIT_S = 60.0
"""For an engine that outlived its killed provider to end what it had begun."""

_LOCK = "lock"
_POLL_S = 0.1


class Folder:
    """A task's folder, with its lock held: `with Folder(path, stop) as folder`.

    The lock is the kernel's, and every engine inherits it: who has it knows that no engine which was started from
    here is left. Raises `ProviderError` where the folder cannot be had, or the lock not within a minute.
    """

    def __init__(self, path: str, stop: Stop) -> None:
        if not path:
            raise ProviderError(
                "there is no folder to keep the infrastructure's state in",
                hint="`dstream` names one in `options.folder`",
            )
        self._path = Path(path)
        self._stop = stop
        self.lock_fd = -1

    def __enter__(self) -> Self:
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            self.lock_fd = os.open(self._path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                self._take_lock()
                self._remove_scratch()  # a killed command's: nobody uses it, since the lock is held
                self.scratch.mkdir(mode=0o700)
                self.home.mkdir(exist_ok=True)
            except BaseException:
                os.close(self.lock_fd)
                raise
        except OSError as error:
            raise ProviderError(f"the folder for the infrastructure's state cannot be used: {error}") from error
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._remove_scratch()
        finally:
            os.close(self.lock_fd)

    @property
    def backend(self) -> str:
        """URL of a backend that is the folder itself."""
        return self._path.as_uri()

    @property
    def home(self) -> Path:
        """Where Pulumi keeps its files of project and stack."""
        return self._path / "project"

    @property
    def scratch(self) -> Path:
        """Empty at first, and gone when the folder is let go; the next command removes that of a killed one."""
        return self._path / "scratch"

    @property
    def has_state(self) -> bool:
        """Has the backend in this folder ever been used?"""
        return self._state.exists()

    def passphrase(self) -> str:
        """The one kept here, made where there is neither one nor state.

        Raises `ProviderError` where there is state, which another one encrypted.
        """
        file = self._path / "passphrase"
        if file.exists():
            return file.read_text()
        if self.has_state:
            raise ProviderError(
                f"the passphrase of the infrastructure's state is gone: {file} is missing",
                hint="bring the file back, or give its content as `passphrase`",
            )
        made = secrets.token_urlsafe(32)
        fresh = file.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as writing:
            writing.write(made)
            writing.flush()
            os.fsync(writing.fileno())
        fresh.rename(file)
        return made

    def note_engine(self, pid: int) -> Path:
        """Note that the engine of this process runs; whoever sees it end orderly deletes the note."""
        self._notes.mkdir(exist_ok=True)
        note = self._notes / f"{socket.gethostname()}.{pid}"
        note.touch()
        return note

    def was_killed(self, host: str, pid: str) -> bool:
        """Is this an engine that was started from here and did not end orderly? It is gone: the lock is held."""
        return (self._notes / f"{host}.{pid}").exists()

    def drop_locks(self) -> None:
        """Take away what locks the backend in this folder, half written or not: the engines that left it are gone."""
        shutil.rmtree(self._state / "locks", ignore_errors=True)

    def clear(self) -> None:
        """Remove all that is kept."""
        for entry in self._path.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name != _LOCK:
                entry.unlink()

    @property
    def _state(self) -> Path:
        return self._path / ".pulumi"

    @property
    def _notes(self) -> Path:
        return self._path / "engines"

    def _remove_scratch(self) -> None:
        if self.scratch.exists():
            shutil.rmtree(self.scratch)

    def _take_lock(self) -> None:
        deadline = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                return fcntl.flock(self.lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ProviderError(
                        "another command works on this task's infrastructure", hint="wait for it, or end it"
                    ) from None
            if self._stop.wait(_POLL_S):
                raise ProviderError("stopped while it waited for another command on this task's infrastructure")
