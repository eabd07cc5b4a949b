"""What tasks resumed from before somebody changed it: files that `state import` reads back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.durable import replacing
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
            with replacing(path) as file:
                file.write(Exported.of(checkpoint).encode())
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
