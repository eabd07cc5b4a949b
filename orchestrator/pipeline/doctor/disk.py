"""Is there room for state and images?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from orchestrator.pipeline.doctor.finding import Finding

FULL = 64 << 20
SHORT = 1 << 30
"""Bytes that are free to this user."""

FULL_INODES = 100
SHORT_INODES = 10_000


def look_at_disks(places: Mapping[str, Path]) -> Iterator[Finding]:
    """`places` are folders by what they hold; of one that is not there, the nearest that is above it."""
    for what, folder in places.items():
        there = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
        try:
            disk = os.statvfs(there)
        except PermissionError:
            yield Finding("ok", f"the disk of {what} is not for this user to look at", str(folder))
            continue
        except OSError as error:
            yield Finding("failed", f"the disk of {what} cannot be looked at: {error.strerror}", str(folder))
            continue
        yield _judged(what, folder, disk.f_bavail * disk.f_frsize, disk.f_favail if disk.f_files else None)


def _judged(what: str, folder: Path, free: int, inodes: int | None) -> Finding:
    """`inodes` are None on a file system that does not count them."""
    left = f"{free / 1e9:,.2f} GB" + (f" and {inodes:,} inodes" if inodes is not None else "") + f" are free for {what}"
    files = SHORT_INODES if inodes is None else inodes
    if free >= SHORT and files >= SHORT_INODES:
        return Finding("ok", left, str(folder))
    remedy = "make room: a run stops where its state cannot be stored, and acknowledges nothing that is not"
    full = free < FULL or files < FULL_INODES
    return Finding("failed" if full else "warning", f"only {left}", str(folder), remedy)
