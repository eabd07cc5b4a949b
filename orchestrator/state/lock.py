"""One lock per running task, and one per infrastructure that is worked on: advisory, on a file; a crash releases it.

The file also says who holds it, for the error of whoever comes second.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import msgspec

from dstream_sdk.protocol import NOT_JSON
from orchestrator.errors import RunError, state_unwritable
from orchestrator.state.names import file_name, infrastructure_of, task_of

CLEANING_S = 60.0
"""How long a command waits for another one to clean up behind a killed run."""

GLANCE_S = 0.02
_PROC = Path("/proc")


class Holder(msgspec.Struct, frozen=True):
    """Who holds a lock. `since` is Unix time; `cleaning` holds it for a moment, to see gone what a killed run left."""

    task: str
    run_id: str
    pid: int
    host: str
    since: float
    cleaning: bool = False

    def __str__(self) -> str:
        """`by process 123 on `host-a` since 2026-11-23 14:00:00`."""
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"by process {self.pid} on `{self.host}` since {since}"


class TaskLock:
    """A held lock; `release` gives it up, and so does the end of this process."""

    def __init__(self, fd: int) -> None:
        self._fd: int | None = fd

    def release(self) -> None:
        """Idempotent. The file stays: removing it would let two runs lock two files of one name."""
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> TaskLock:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.release()


class Locks:
    """The locks of one state directory."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / "locks"

    def try_acquire(self, task: str, run_id: str, *, cleaning: bool = False) -> TaskLock | None:
        """Take the task's lock without waiting; None when another process holds it.

        Raises `UnavailableError` (`state.unwritable`) where the state directory can hold none.
        """
        path = self._path(task)
        holder = Holder(task, run_id, os.getpid(), socket.gethostname(), time.time(), cleaning)
        with ExitStack() as opened:
            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                opened.callback(os.close, fd)
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.ftruncate(fd, 0)
                os.pwrite(fd, msgspec.json.encode(holder), 0)
            except BlockingIOError:
                return None
            except OSError as error:
                raise state_unwritable(path, error) from error
            opened.pop_all()
        return TaskLock(fd)

    def acquire(self, task: str, run_id: str) -> TaskLock:
        """Take the lock of a task, or of its infrastructure. Waits for nobody but a command that cleans up.

        Raises `RunError` (`task.running`, `infrastructure.busy`) naming its holder.
        """
        end = time.monotonic() + CLEANING_S
        while True:
            lock = self.try_acquire(task, run_id)
            if lock is not None:
                return lock
            # Nobody, where it was given up meanwhile, or where somebody only looked who holds it.
            holder, plain = self.held(task), task_of(task)
            if (holder is not None and not holder.cleaning) or time.monotonic() > end:
                break
            time.sleep(GLANCE_S)
        if task != plain or _of_one_run(holder, self.held(infrastructure_of(plain))):
            raise RunError(
                "infrastructure.busy",
                f"the infrastructure of task `{plain}` is being worked on{f' {holder}' if holder else ''}",
                hint="wait for that command to end; its lock is released when its process ends, however it ends",
            )
        raise RunError(
            "task.running",
            f"task `{task}` is being run{f' {holder}' if holder else ''}",
            hint=f"`dstream stop {task}` drains it",
        )

    def running(self, task: str) -> Holder | None:
        """Who runs the task at this moment.

        Who makes or removes its infrastructure holds its lock and does not, nor does who cleans up behind it.
        """
        holder = self.held(task)
        if holder is not None and holder.cleaning:
            return None
        return None if _of_one_run(holder, self.held(infrastructure_of(task))) else holder

    def held(self, task: str) -> Holder | None:
        """Who holds the task's lock at this moment."""
        holder = self.holder(task)
        if holder is None:  # nobody, or a process that has not written itself down yet
            return None
        fd = os.open(self._path(task), os.O_RDWR | os.O_CLOEXEC)
        try:
            # Given up at once; taken at all only where a process was killed and left its name in the file.
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return holder
        else:
            return None
        finally:
            os.close(fd)

    def opened_by(self, holder: Holder) -> bool:
        """Whether the process of that number has the lock's file open; True where this host cannot tell.

        A number alone may be a stranger's: a container that shares the state directory counts its own processes.
        """
        if not _PROC.joinpath("self/fd").exists():
            return True
        lock = self._path(holder.task)
        try:
            return any(_same(entry, lock) for entry in _PROC.joinpath(str(holder.pid), "fd").iterdir())
        except OSError:  # gone, or another user's
            return False

    def holder(self, task: str) -> Holder | None:
        """Who wrote itself into the lock's file last; says nothing about whether it is still alive."""
        return _written(self._path(task))

    def holders(self) -> Sequence[Holder]:
        """Likewise of every lock: who holds it, or was killed while it did."""
        found = (_written(path) for path in sorted(self._folder.glob("*.lock")))
        return [holder for holder in found if holder is not None]

    def _path(self, task: str) -> Path:
        return self._folder / file_name(task, ".lock")


def _written(path: Path) -> Holder | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Holder)
    except (FileNotFoundError, *NOT_JSON):
        return None


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # closed meanwhile
        return False


def _of_one_run(one: Holder | None, other: Holder | None) -> bool:
    return one is not None and other is not None and one.run_id == other.run_id
