"""The processes that one provider consists of, found and killed.

Standard library only, and imported by the guard, which has to be up quickly.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "DSTREAM_PROVIDER_ID"
"""The environment variable by which a process that left its session is still known."""

_PROC = Path("/proc")
_HAS_PROC: bool = sys.platform == "linux"


@dataclass(frozen=True, slots=True)
class _Entry:
    pid: int
    session: int
    dead: bool
    started: str


def started_at(pid: int) -> str | None:
    """When process `pid` began, as text that no later process of that number shares; None where there is none."""
    entry = _read(pid) if _HAS_PROC else next((e for e in _table() if e.pid == pid), None)
    return entry.started if entry else None


def lives(pid: int, started: str) -> bool:
    """Whether the process is alive of which `started_at(pid)` said `started`. A zombie does not live."""
    entry = _read(pid) if _HAS_PROC else next((e for e in _table() if e.pid == pid), None)
    return entry is not None and entry.started == started and not entry.dead


@dataclass(frozen=True, slots=True)
class Session:
    """A provider's processes: the session of `pid`, and whoever left that session but carries `mark`.

    `started` is what `started_at(pid)` said at the beginning. A number is never trusted alone: where the
    leader is gone, only marked processes are taken for this provider's.
    """

    pid: int
    started: str
    mark: str

    def members(self) -> list[int]:
        """Every living process of the provider. A zombie does not live."""
        entries = list(_table())
        known = any(e.pid == self.pid and e.started == self.started for e in entries)
        return [
            e.pid for e in entries if not e.dead and ((known and e.session == self.pid) or _carries(e.pid, self.mark))
        ]

    def kill(self) -> bool:
        """Send SIGKILL to every member; True when there was none left."""
        members = self.members()
        for pid in members:
            # Gone by now; or of another user, whom only the deadline of whoever waits for its end can tell of.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        return not members

    def kill_until_gone(self, deadline: float) -> bool:
        """Kill until no member lives, for at most `deadline` seconds; False when one still does."""
        end = time.monotonic() + deadline
        pause = 0.001
        while not self.kill():
            if time.monotonic() >= end:
                return False
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
        return True


def _table() -> Iterator[_Entry]:
    if _HAS_PROC:
        for folder in _PROC.iterdir():
            if folder.name.isdigit() and (entry := _read(int(folder.name))):
                yield entry
        return
    # macOS: a process group stands for the session, which `ps` does not show.
    lines = subprocess.run(
        ["/bin/ps", "-axo", "pid=,pgid=,stat=,lstart="], capture_output=True, text=True, check=True, timeout=10
    ).stdout.splitlines()
    for line in lines:
        pid, group, state, started = line.split(None, 3)
        yield _Entry(int(pid), int(group), state.startswith("Z"), started.strip())


def _read(pid: int) -> _Entry | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:  # gone, or another user's in a /proc that hides them
        return None
    fields = text.rpartition(")")[2].split()  # the command's name may hold anything, brackets too
    return _Entry(pid, int(fields[3]), fields[0] in "ZX", f"{_boot()}/{fields[19]}")


@functools.cache
def _boot() -> str:
    """Start times count from the boot, so the boot belongs to them."""
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def _carries(pid: int, mark: str) -> bool:
    if not _HAS_PROC:
        return False
    try:
        block = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:  # another user's, or gone
        return False
    return f"{MARK}={mark}".encode() in block.split(b"\0")
