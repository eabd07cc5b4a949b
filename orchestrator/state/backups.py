"""What tasks resumed from before somebody changed it: files that `state import` reads back."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.errors import UnavailableError, Where
from orchestrator.state.exported import Exported
from orchestrator.state.names import file_name
from orchestrator.state.store import Checkpoint

KEPT = 20
"""The newest backups of a task that stay."""


class Backups:
    """The backups of one state directory, in files that only their owner may read."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / "backups"

    def keep(self, checkpoint: Checkpoint) -> Path:
        """Make a durable copy of `checkpoint`, and forget the oldest beyond `KEPT`; the file that was written.

        The caller holds the task's lock. Raises `UnavailableError` (`state.unwritable`), and then there is none.
        """
        task = checkpoint.identity.task
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        path = self._folder / file_name(task, f"-{moment}.json")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(path, Exported.of(checkpoint).encode())
            # The one just made counts as the newest, also where the clock has been set back.
            for old in [one for one in self.of(task) if one != path][KEPT - 1 :]:
                old.unlink(missing_ok=True)
        except OSError as error:
            raise UnavailableError(
                "state.unwritable",
                f"cannot keep a backup of the state in `{path}`: {error.strerror}",
                hint="make room, or see who may write there; nothing was changed",
                where=Where(file=str(path)),
            ) from error
        return path

    def of(self, task: str) -> Sequence[Path]:
        """The task's backups, the newest first."""
        return sorted(self._folder.glob(file_name(task, "-*.json")), reverse=True)


def write_private(path: Path, content: bytes) -> None:
    """Replace `path` by a file with this content that nobody else may read, durably and in one step.

    Raises `OSError`, having left what was there.
    """
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
        draft = Path(file.name)
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
