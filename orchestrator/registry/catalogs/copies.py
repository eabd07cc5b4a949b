"""The last good copy of every catalog that was ever read, kept for when its registry cannot be asked."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

import msgspec

from dstream_sdk.protocol import NOT_JSON, Catalog
from orchestrator.logs import log


class Copy(msgspec.Struct, omit_defaults=True):
    """`digest` is the manifest's, None for what a registry was searched for. `confirmed` is Unix time."""

    source: str
    catalog: Catalog
    digest: str | None = None
    confirmed: float = 0.0


class CatalogCopies:
    """Copies in a folder, one file each, replaced as a whole: safe for several processes at once.

    A copy that cannot be read counts as none, and one that cannot be written is only logged: neither
    stands in the way of an answer.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, source: str) -> Copy | None:
        """The copy of `source`."""
        path = self._path(source)
        try:
            copy = msgspec.json.decode(path.read_bytes(), type=Copy)
            copy.confirmed = path.stat().st_mtime
        except (OSError, *NOT_JSON):
            return None
        return copy if copy.source == source else None

    def write(self, copy: Copy) -> None:
        """Keep `copy` in place of an older one."""
        fresh: Path | None = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".", delete=False) as file:
                fresh = Path(file.name)
                file.write(msgspec.json.encode(copy))
            fresh.replace(self._path(copy.source))
            self._date(copy)
        except OSError as error:
            log().warning("a catalog's copy cannot be kept", folder=str(self._folder), error=str(error))
            if fresh is not None:
                fresh.unlink(missing_ok=True)

    def confirm(self, copy: Copy) -> None:
        """The registry has just said that `copy` is still what it has."""
        with contextlib.suppress(OSError):
            self._date(copy)

    def _date(self, copy: Copy) -> None:
        os.utime(self._path(copy.source), (copy.confirmed, copy.confirmed))

    def _path(self, source: str) -> Path:
        return self._folder / f"{hashlib.sha256(source.encode()).hexdigest()[:32]}.json"
