"""What a provider takes of its host: from /proc, and from what a Docker Engine tells of a container."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from orchestrator.runtime.base import Usage

_PROC = Path("/proc")


def process_usage(pids: Iterable[int]) -> Usage | None:
    """All of them together; None where none is left, or where the host has no /proc.

    Children that have ended count with their parents. A page that several share counts for each of them.
    """
    ticks = pages = found = 0
    for pid in pids:
        try:
            stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
            memory = (_PROC / str(pid) / "statm").read_text()
        except OSError:  # gone
            continue
        fields = stat.rpartition(")")[2].split()  # the command's name may hold anything, brackets too
        ticks += sum(int(field) for field in fields[11:15])  # utime, stime, cutime, cstime
        pages += int(memory.split()[1])
        found += 1
    if not found:
        return None
    return Usage(ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE"))


def container_usage(stats: Mapping[str, Any]) -> Usage | None:
    """From the engine's answer, less the file pages that it could drop at once; None for a container that has ended."""
    memory = stats.get("memory_stats") or {}
    if "usage" not in memory:
        return None
    pages = memory.get("stats") or {}
    droppable = pages.get("inactive_file", pages.get("total_inactive_file", 0))  # cgroups of version 2, and 1
    return Usage(
        cpu_s=stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9,
        memory=max(0, memory["usage"] - droppable),
        memory_limit=memory.get("limit"),
    )
