"""What a run asked of the system, in order, as `strace` saw it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

STRACE = ("strace", "-f", "-y", "-s", "8192", "-e", "trace=write,pwrite64,fsync,fdatasync", "-e", "signal=none")
SYNCS = ("fsync", "fdatasync")

_BEGUN = re.compile(r"(\d+) +(\w+)\((\d+)<([^>]*)>(.*)")
_RESUMED = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>.* = (-?\d+)")
_ACK = re.compile(r'\{\\"ack\\":\{\\"id\\":(\d+),')
_RESULT = re.compile(r"\) += (-?\d+)")


@dataclass
class Call:
    """One system call. `begun` and `done` are places in the order of events; `result` is None if it never returned."""

    name: str
    descriptor: int
    file: str
    text: str
    begun: int
    done: int | None = None
    result: int | None = None


def under_strace(trace: Path) -> list[str]:
    """What to put before a command to have it traced into `trace`."""
    return [*STRACE, "-o", str(trace)]


def read_trace(trace: Path) -> list[Call]:
    calls: list[Call] = []
    open_calls: dict[str, Call] = {}
    for place, line in enumerate(trace.read_text(errors="replace").splitlines()):
        if resumed := _RESUMED.match(line):
            if call := open_calls.pop(resumed[1], None):
                call.done, call.result = place, int(resumed[3])
        elif begun := _BEGUN.match(line):
            call = Call(begun[2], int(begun[3]), begun[4], begun[5], place)
            calls.append(call)
            if line.endswith("<unfinished ...>"):
                open_calls[begun[1]] = call
            elif result := _RESULT.search(line, line.rfind('"')):
                call.done, call.result = place, int(result[1])
    return calls


def acks_in(calls: list[Call]) -> list[tuple[Call, int]]:
    """Every ack line that was written to the input, with its id. The output's own go to its stdout."""
    written = ((call, _ACK.search(call.text)) for call in calls if call.name == "write" and call.descriptor != 1)
    return [(call, int(ack[1])) for call, ack in written if ack]


def acks_before_their_state(calls: list[Call], database: str, state: str) -> list[int]:
    """The ids of acks whose state was not on the disk when they were written.

    `database` is a part of the state file's name; `state` makes an id's state, as it lies in that file.
    """
    early = []
    for ack, number in acks_in(calls):
        before = [c for c in calls if database in c.file and c.done is not None and c.done < ack.begun]
        content = state.format(number).replace('"', '\\"')
        written = [c.done for c in before if c.name == "pwrite64" and content in c.text]
        synced = [c.begun for c in before if c.name in SYNCS and c.result == 0]
        if not written or not any(sync > min(w for w in written if w is not None) for sync in synced):
            early.append(number)
    return early
