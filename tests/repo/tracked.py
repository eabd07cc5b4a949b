"""The repository's own files, as the tests of this tier read them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
_NOT_OURS = {"build", "dist", "__pycache__", "results"}


def files(pattern: str = "*") -> list[Path]:
    """Every file of the project whose name matches: what git would track, whether or not there is a git here."""
    return [path for path in _all() if path.match(pattern)]


@cache
def text(path: Path) -> str:
    """What a file says, or nothing for one that is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def name(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


@cache
def _all() -> list[Path]:
    """Sorted. What is not ours is not gone through: an environment has ten times as many files."""
    found: list[Path] = []
    folders = [REPOSITORY]
    while folders:
        for path in folders.pop().iterdir():
            if _ours(path):
                (folders if path.is_dir() and not path.is_symlink() else found).append(path)
    return sorted(path for path in found if path.is_file())


def _ours(path: Path) -> bool:
    if path.name.startswith("."):
        return path.name in {".ci", ".github", ".gitignore"}
    return path.name not in _NOT_OURS and not path.name.endswith(".egg-info")
