"""How much has gathered of what nobody needs for ever?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.pipeline.doctor.finding import Finding

LARGE = 5 << 30


@dataclass(frozen=True, slots=True)
class Heap:
    """A folder or a file, what it holds, and how to make it smaller."""

    what: str
    path: Path
    remedy: str


def look_at_sizes(heaps: Sequence[Heap], large: int = LARGE) -> Iterator[Finding]:
    """`large` is from how many bytes on a heap is worth a warning."""
    for heap in heaps:
        size = _size(heap.path)
        found = f"{heap.what}: {size / 1e6:,.1f} MB"
        if size >= large:
            yield Finding("warning", found, str(heap.path), heap.remedy)
        elif size:
            yield Finding("ok", found, str(heap.path))


def _size(path: Path) -> int:
    """In bytes; what goes away meanwhile, and what is not for this user to see, counts nothing."""
    files = [path] if path.is_file() else [Path(top, name) for top, _, names in os.walk(path) for name in names]
    total = 0
    for file in files:
        try:
            total += file.lstat().st_size
        except OSError:
            continue
    return total
