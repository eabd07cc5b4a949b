"""Artifacts that were pulled to this host, each there whole or not at all. No network.

    <folder>/<algorithm>-<hex>.<os>_<architecture>/   what a digest holds for one platform
    <folder>/.new-…  .old-…                           what is being pulled, and what is being removed
    <folder>/tags/<hash>.json                         the digest that a tag had when it was last pulled

Nothing is flushed to disk: whoever uses an entry checks its digest, and what a crash left half written has another.
A lock on a folder says that it is in use, and the end of the process that holds it releases it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import UnavailableError
from orchestrator.registry.folder_lock import EXCLUSIVE, SHARED, is_folder, lock_folder, share
from orchestrator.registry.tags import PulledTags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.registry.reference import Reference

_ENTRY = re.compile(r"(sha256|sha384|sha512)-([0-9a-f]+)\.(.+)")
_NEW, _OLD = ".new-", ".old-"
_NAME = "reference"


@dataclass(frozen=True, slots=True)
class Stored:
    """One entry. `reference` is what it was first pulled as; `size` is in bytes, `used_at` Unix time."""

    reference: str
    digest: str
    platform: str
    size: int
    used_at: float


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went, and what could have gone if no process were using it."""

    removed: tuple[Stored, ...]
    in_use: tuple[Stored, ...]


class ArtifactCache:
    """The entries in `folder`, which is made when the first one is added.

    Safe for several threads and processes at once, and nothing waits. Every method raises `UnavailableError`
    (`cache.unavailable`) where the disk refuses.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tags = PulledTags(folder / "tags")
        self._held: dict[Path, int] = {}
        self._holding = threading.Lock()

    def tagged(self, reference: Reference) -> str | None:
        """The digest that the tag of `reference` had when it was last pulled to this host."""
        with _translated():
            return self._tags.find(reference)

    def tag(self, reference: Reference, digest: str) -> None:
        """Remember that the tag of `reference` has `digest`."""
        with _translated(), self._fresh() as (folder, _):
            self._tags.remember(reference, digest, folder)

    def use(self, digest: str, platform: str) -> Path | None:
        """The folder of an entry, which no `prune` removes before `close`; None where there is none."""
        path = self._entry(digest, platform)
        with _translated(), self._holding:
            held = self._held.get(path)
            if held is None or not is_folder(held, path):
                self._let_go(path)
                held = lock_folder(path, SHARED)
                if held is None:
                    return None
                self._held[path] = held
            with contextlib.suppress(OSError):  # a cache that somebody else provides is used as well
                os.utime(held)
        return path

    @contextlib.contextmanager
    def adding(self, reference: Reference, digest: str, platform: str) -> Iterator[Path]:
        """An empty folder: what is put into it becomes the entry when the block ends well, and nothing otherwise.

        Where somebody else was first, theirs stays. `reference` is kept for people to read.
        """
        with _translated(), self._fresh() as (fresh, lock):
            yield fresh
            (fresh / _NAME).write_text(str(reference))
            share(lock)
            try:
                fresh.rename(self._entry(digest, platform))
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise

    def discard(self, digest: str, platform: str) -> None:
        """Remove an entry that is in `use` here and turned out to be damaged."""
        path = self._entry(digest, platform)
        with _translated(), self._holding:
            if path in self._held and is_folder(self._held[path], path):
                self._remove(path)
            self._let_go(path)

    def stored(self) -> list[Stored]:
        """Every entry, the one used last first."""
        with _translated():
            found = [entry for path in self._children() if (entry := _stored(path)) is not None]
        return sorted(found, key=lambda entry: entry.used_at, reverse=True)

    def prune(self, unused_for: float, *, dry_run: bool = False) -> Pruned:
        """Remove the entries that nobody has used for so many seconds, and what broken pulls left.

        Entries that a process is using stay, however old. With `dry_run` all stay.
        """
        removed, in_use = [], []
        limit = time.time() - unused_for
        with _translated():
            for path in self._children():
                entry = _stored(path)
                if entry is None and not path.name.startswith((_NEW, _OLD)):
                    continue
                if entry is not None and entry.used_at > limit:
                    continue
                lock = lock_folder(path, EXCLUSIVE)
                if lock is None:
                    in_use += [entry] if entry is not None and path.exists() else []
                    continue
                try:
                    removed += [entry] if entry is not None else []
                    if not dry_run:
                        self._remove(path)
                finally:
                    os.close(lock)
            if not dry_run:
                # Whoever pulls adds the entry before the tag.
                self._tags.forget(
                    lambda digest: not any(path.name.startswith(f"{_spelt(digest)}.") for path in self._children())
                )
        return Pruned(tuple(removed), tuple(in_use))

    def close(self) -> None:
        """Let `prune` remove what was in use here. Idempotent."""
        with self._holding:
            for path in list(self._held):
                self._let_go(path)

    def _entry(self, digest: str, platform: str) -> Path:
        return self._folder / f"{_spelt(digest)}.{platform.replace('/', '_')}"

    def _children(self) -> list[Path]:
        return sorted(self._folder.iterdir()) if self._folder.exists() else []

    @contextlib.contextmanager
    def _fresh(self) -> Iterator[tuple[Path, int]]:
        """A new folder and its lock, without which `prune` would take it for a broken pull's."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = None
        while lock is None:
            fresh = Path(tempfile.mkdtemp(prefix=_NEW, dir=self._folder))
            lock = lock_folder(fresh, EXCLUSIVE)
        try:
            yield fresh, lock
        finally:
            shutil.rmtree(fresh, ignore_errors=True)  # nothing, once it has become an entry
            os.close(lock)

    def _remove(self, path: Path) -> None:
        """Take an entry away at once, and then its files."""
        old = path.with_name(f"{_OLD}{path.name}.{time.monotonic_ns()}")
        with contextlib.suppress(FileNotFoundError):
            path.rename(old)
            shutil.rmtree(old)

    def _let_go(self, path: Path) -> None:
        held = self._held.pop(path, None)
        if held is not None:
            os.close(held)


def cache_refused(error: OSError) -> UnavailableError:
    """The error for a cache that cannot be read or written."""
    place = f"`{error.filename}`" if error.filename else "the user's cache folder"
    return UnavailableError(
        "cache.unavailable",
        f"cannot keep artifacts: {place}: {error.strerror or error}",
        hint="make room, and see who may write there; `XDG_CACHE_HOME` names another place",
    )


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise  # of a caller's progress display: files know no such thing
    except OSError as error:
        raise cache_refused(error) from error


def _spelt(digest: str) -> str:
    return digest.replace(":", "-")


def _stored(path: Path) -> Stored | None:
    """The entry at `path`; None for what is none, or is gone by now."""
    named = _ENTRY.fullmatch(path.name)
    if named is None:
        return None
    digest = f"{named[1]}:{named[2]}"
    try:
        files = {file.name: file.stat().st_size for file in path.iterdir()}
        reference = (path / _NAME).read_text(errors="replace") if _NAME in files else digest
        used_at = path.stat().st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Stored(reference, digest, named[3].replace("_", "/"), sum(files.values()), used_at)
