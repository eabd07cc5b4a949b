"""A folder that this process uses, or has to itself: an advisory lock, which the end of the process releases."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

SHARED, EXCLUSIVE = fcntl.LOCK_SH, fcntl.LOCK_EX


def lock_folder(path: Path, how: int) -> int | None:
    """A descriptor that holds the lock until it is closed. Waits for nobody; raises `OSError`.

    None where the folder is gone, or locked by somebody whom that would disturb.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
        if is_folder(fd, path):
            return fd
    except BlockingIOError:
        pass
    except OSError:
        os.close(fd)
        raise
    os.close(fd)
    return None


def share(fd: int) -> None:
    """Let others use the folder too that was locked for this process alone."""
    fcntl.flock(fd, fcntl.LOCK_SH)


def is_folder(fd: int, path: Path) -> bool:
    """Whether `path` still leads to the folder that was locked."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False
