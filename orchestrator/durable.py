"""Files that are there after a power cut: replaced whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

PRIVATE = 0o600


@contextlib.contextmanager
def replacing(path: Path, mode: int = PRIVATE) -> Iterator[BinaryIO]:
    """What the block writes becomes the content of `path` when it ends, on the disk; if it raises, nothing changes.

    A link stays one: what it names is replaced. Raises `OSError`, also where `path` is a device or another thing that
    is no file, which root could replace by one.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise OSError(errno.EEXIST, "it is there, and is no file", str(path))
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".new-")
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            if mode != PRIVATE:  # as it was made; some disks know no modes
                os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """See on the disk which files the folder has. Raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
