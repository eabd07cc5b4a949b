"""A disk of its own for a test, which is soon full. Needs root."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

FILLER = "filler"


class SmallDisk:
    """`with SmallDisk(folder, size) as disk`: what is in `folder` meanwhile is kept in so many bytes of memory.

    `inodes` bounds the number of files, too.
    """

    def __init__(self, folder: Path, size: int, *, inodes: int = 0) -> None:
        self.folder = folder
        self._options = f"size={size},nr_inodes={inodes},mode=0700"

    def fill(self) -> None:
        """Take all the room that there is."""
        with suppress(OSError), (self.folder / FILLER).open("ab", buffering=0) as filler:
            while filler.write(bytes(4096)):  # what fits, down to the last page
                pass

    def free(self) -> None:
        """Make room again."""
        (self.folder / FILLER).unlink()

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", self._options, "tmpfs", self.folder], check=True, timeout=30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Lazily: what a test that failed left behind may still be in there.
        subprocess.run(["umount", "--lazy", self.folder], check=True, timeout=30)
