"""What a run wrote down about its processes, so that the next command can find them."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from orchestrator.errors import state_unwritable
from orchestrator.runtime.base import Leftover, Scope
from orchestrator.runtime.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Entry:
    """One provider's processes and the run that they belong to."""

    scope: Scope
    session: Session

    @property
    def identity(self) -> str:
        return f"pid {self.session.pid}"

    def leftover(self) -> Leftover:
        return Leftover(self.scope, self.identity)


class Journal:
    """One file per started process in `state_dir/processes`, from before its program runs until it is disposed."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / "processes"

    def write(self, entry: Entry) -> None:
        """Raises `UnavailableError` (`state.unwritable`); the process must not run then."""
        path = self._path(entry)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = path.with_suffix(".new")
            draft.write_text(json.dumps({"scope": asdict(entry.scope), "session": asdict(entry.session)}))
            draft.replace(path)
        except OSError as error:
            raise state_unwritable(path, error) from error

    def forget(self, entry: Entry) -> None:
        with contextlib.suppress(OSError):  # a note of the dead does no harm: the next command clears it away
            self._path(entry).unlink()

    def living(self) -> Iterator[Entry]:
        """The entries whose processes still live; those of the dead are cleared away."""
        for path in sorted(self._folder.glob("*.json")):
            entry = _read(path)
            if entry is None or not entry.session.members():
                path.unlink(missing_ok=True)
            else:
                yield entry

    def _path(self, entry: Entry) -> Path:
        return self._folder / f"{entry.session.pid}-{entry.session.mark}.json"


def _read(path: Path) -> Entry | None:
    """None for a file that another command has just removed, or that the machine's crash cut off."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads(path.read_text())
        return Entry(Scope(**found["scope"]), Session(**found["session"]))
    return None
