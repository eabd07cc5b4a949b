"""The folder of a site: written whole, replaced whole, and never one that holds something else."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import ConfigError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

MARKER = ".dstream-site"
"""The file by which a folder is known as a site: the names of all the others, one a line."""


def write_site(folder: Path, files: Mapping[str, str]) -> None:
    """Make `folder` hold `files` and nothing else. A site that is there is replaced between two renames.

    Raises `ConfigError` (`site.foreign`) where something else is there, `UnavailableError` (`site.unwritable`).
    """
    target = Path(os.path.abspath(folder))  # noqa: PTH100  # without `..`: what that leads to has no name
    content = {**files, MARKER: "".join(f"{name}\n" for name in sorted(files))}
    try:
        if target.is_symlink() or (target.exists() and not _is_ours(target)):
            hint = "name a new or an empty folder, or one that holds a site and nothing else, with `--out`"
            raise ConfigError("site.foreign", f"`{folder}` holds something else than a site", hint=hint)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".site-", dir=target.parent) as made:
            fresh = Path(made) / "fresh"
            fresh.mkdir()
            for name, text in content.items():
                (fresh / name).write_bytes(text.encode())
            if target.exists():
                target.rename(Path(made) / "old")
            fresh.rename(target)
    except OSError as error:
        raise UnavailableError("site.unwritable", f"`{folder}` cannot be written: {error.strerror}") from error


def _is_ours(target: Path) -> bool:
    """Whether nothing would be lost with `target` that this did not write."""
    if not target.is_dir():
        return False
    names = {path.name for path in target.iterdir()}
    if not names:
        return True
    if MARKER not in names:
        return False
    return names - {MARKER} == set((target / MARKER).read_text("utf-8", errors="replace").splitlines())
