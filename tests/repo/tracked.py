"""The repository's own files, as the tests of this tier read them."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
_NOT_OURS = {"build", "dist", "__pycache__", "results"}


def files(pattern: str = "*") -> list[Path]:
    """Every file of the project that matches: what git would track, whether or not there is a git here."""
    return sorted(path for path in REPOSITORY.rglob(pattern) if path.is_file() and _ours(path))


def text(path: Path) -> str:
    """What a file says, or nothing for one that is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def name(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def _ours(path: Path) -> bool:
    parts = path.relative_to(REPOSITORY).parts
    hidden = any(part.startswith(".") and part not in {".ci", ".github", ".gitignore"} for part in parts)
    return not hidden and not _NOT_OURS & set(parts) and not any(part.endswith(".egg-info") for part in parts)
