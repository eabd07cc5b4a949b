"""What a sink's file must hold after its task was killed, repeated and brought to an end.

The file is a marker line for every start of the sink, each followed by what that start wrote.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def record(number: int) -> bytes:
    """The one line that providers/source.py writes as record `number`."""
    text = "é" * (number % 50)
    return f'{{"data":{{"value":{number},"text":"{text}"}},"metadata":{{"seq":{number}}}}}\n'.encode()


@dataclass
class Start:
    """One start of the sink, and the numbers of the records that it wrote."""

    run_id: str
    numbers: list[int] = field(default_factory=list)


def read_starts(path: Path) -> list[Start]:
    """The file, start by start. Raises `ValueError` on a line that is no record as the source made it."""
    starts: list[Start] = []
    for line in path.read_bytes().splitlines(keepends=True):
        if line.startswith(b'{"start":'):
            starts.append(Start(json.loads(line)["start"]))
            continue
        number = json.loads(line)["data"]["value"]
        if line != record(number):
            raise ValueError(f"record {number} was changed on its way: {line!r}")
        starts[-1].numbers.append(number)
    return starts


def lengths_of_starts(path: Path) -> list[int]:
    """How many whole lines each start has written, of whatever source; none where there is no file yet."""
    if not path.exists():
        return []
    lengths: list[int] = []
    for line in path.read_bytes().splitlines(keepends=True):
        if line.startswith(b'{"start":'):
            lengths.append(0)
        elif line.endswith(b"\n"):
            lengths[-1] += 1
    return lengths


def faults_in(path: Path, *, count: int, bound: int) -> list[str]:
    """What is wrong with the file: nothing, if it holds records 1 to `count` as promised.

    Each at least once, each start's without a gap and in order, and none of a start repeating more than
    `bound` records of those before it.
    """
    try:
        starts = read_starts(path)
    except ValueError as error:
        return [str(error)]
    faults = []
    highest = 0
    for place, start in enumerate(starts, start=1):
        who = f"start {place} (run {start.run_id})"
        if not start.numbers:
            continue
        first = start.numbers[0]
        if first > highest + 1:
            faults.append(f"{who} begins with {first}, though the highest before it was {highest}")
        if highest + 1 - first > bound:
            faults.append(f"{who} repeats {highest + 1 - first} records, more than {bound}")
        for before, after in zip(start.numbers, start.numbers[1:], strict=False):
            if after != before + 1:
                faults.append(f"{who}: {after} follows {before}")
        highest = max(highest, *start.numbers)
    missing = set(range(1, count + 1)).difference(*(start.numbers for start in starts))
    if missing:
        faults.append(f"{len(missing)} records are missing, the first is {min(missing)}")
    if highest > count:
        faults.append(f"record {highest} was never in the source, which has {count}")
    return faults
