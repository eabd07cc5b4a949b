"""What a record keeps of a stream, and what of it can be read, wherever it was cut."""

from __future__ import annotations

import gzip
import json
import os
import resource
import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import ConfigError, UnavailableError
from orchestrator.relay.control import PREFIXES
from orchestrator.relay.record import Header, Lines, Mark, Record, files_of
from orchestrator.relay.recording import Recording
from tests.streams import until

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = Header(run_id="R1", attempt=1, task="orders", source="./source", provider="source", started_at=1.5)

data_lines = (
    st.binary(max_size=60)
    .map(lambda line: line.replace(b"\n", b"") + b"\n")
    .filter(lambda line: not line.startswith(PREFIXES["input"]))
)
checkpoints = st.integers(0, 10**12).map(
    lambda n: b'{"checkpoint":{"id":%d,"records":%d,"state":{"n":%d}}}\n' % (n, n, n)
)
streams = st.lists(st.one_of(data_lines, checkpoints), max_size=12)


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name) / "record"


def record(place: Path, chunks: list[bytes], header: Header = HEADER, *, part: int = 1 << 20) -> None:
    recording = Recording(place, header, part=part)
    for chunk in chunks:
        recording.take(chunk)
    recording.close()


def data_of(place: Path) -> bytes:
    return b"".join(item.content for item in Record(place) if isinstance(item, Lines))


def cut(stream: bytes, sizes: list[int]) -> list[bytes]:
    chunks = []
    for size in sizes:
        chunks.append(stream[:size])
        stream = stream[size:]
    return [*chunks, stream]


@given(streams, st.lists(st.integers(1, 100), max_size=8))
def test_a_record_gives_back_every_line_and_checkpoint_in_order_however_they_were_relayed(
    lines: list[bytes], sizes: list[int]
) -> None:
    with folder() as place:
        record(place, cut(b"".join(lines), sizes))
        found = list(Record(place))
    assert b"".join(one.content for one in found if isinstance(one, Lines)) == b"".join(
        line for line in lines if not line.startswith(b'{"checkpoint":')
    )
    assert sum(one.records for one in found if isinstance(one, Lines)) + sum(
        isinstance(one, Mark) for one in found
    ) == len(lines)
    marks = [(one.state, before) for one, before in with_records_before(found)]
    assert marks == [
        (json.dumps(json.loads(line)["checkpoint"]["state"], separators=(",", ":")).encode(), number - earlier)
        for earlier, (number, line) in enumerate(
            (number, line) for number, line in enumerate(lines) if line.startswith(b'{"checkpoint":')
        )
    ]


def with_records_before(found: list[Lines | Mark]) -> Iterator[tuple[Mark, int]]:
    records = 0
    for one in found:
        if isinstance(one, Mark):
            yield one, records
        else:
            records += one.records


@given(streams, st.integers(0, 400))
def test_what_a_killed_run_left_is_read_up_to_where_it_ends(lines: list[bytes], lost: int) -> None:
    with folder() as place:
        record(place, [b"".join(lines)])
        (file,) = files_of(place)
        whole = file.read_bytes()
        header = len(gzip.compress(gzip.decompress(whole).split(b"\n", 1)[0] + b"\n", 1))
        file.write_bytes(whole[: max(header, len(whole) - lost)])
        read = data_of(place)
    data = b"".join(line for line in lines if not line.startswith(b'{"checkpoint":'))
    assert data.startswith(read)
    assert not read or read.endswith(b"\n")


def test_a_run_may_be_killed_behind_any_byte(tmp_path: Path) -> None:
    record(tmp_path, [b'{"data":1}\n'])
    (file,) = files_of(tmp_path)
    whole = file.read_bytes()
    second = whole.index(b"\x1f\x8b", 10)
    for end in range(second, len(whole)):
        file.write_bytes(whole[:end])
        assert data_of(tmp_path) in {b"", b'{"data":1}\n'}


def test_a_record_of_many_files_is_read_as_one_and_each_by_itself(tmp_path: Path) -> None:
    lines = [b'{"data":"%d%s"}\n' % (n, b"x" * 1100) for n in range(3000)]
    recording = Recording(tmp_path, HEADER, part=1000)
    for number, start in enumerate(range(0, 3000, 1000), start=2):
        recording.take(b"".join(lines[start : start + 1000]) + b'{"da' * (number == 4))
        until(partial(is_there, tmp_path, number), "another file")
    recording.close()
    assert data_of(tmp_path) == b"".join(lines)
    for file in files_of(tmp_path)[:-1]:
        assert gzip.decompress(file.read_bytes()).endswith(b"}\n")


def is_there(place: Path, number: int) -> bool:
    return len(files_of(place)) == number


def test_a_missing_part_is_told_and_not_skipped(tmp_path: Path) -> None:
    parts(tmp_path)
    files_of(tmp_path)[1].unlink()
    with pytest.raises(ConfigError, match=r"part 2 of attempt 1 of run R1 is missing"):
        data_of(tmp_path)


def test_an_end_that_is_missing_in_the_midst_is_told(tmp_path: Path) -> None:
    parts(tmp_path)
    middle = files_of(tmp_path)[1]
    middle.write_bytes(middle.read_bytes()[:-9])
    with pytest.raises(ConfigError, match="its end is missing") as told:
        data_of(tmp_path)
    assert told.value.where.file == str(middle)


def parts(place: Path) -> None:
    """A record of three files."""
    for number in (1, 2, 3):
        record(place, [b'{"data":%d}\n' % number], msgspec.structs.replace(HEADER, part=number))


def test_another_attempt_begins_anew_behind_an_unfinished_line(tmp_path: Path) -> None:
    record(tmp_path, [b'{"data":1}\n{"da'])
    record(tmp_path, [b'{"data":1}\n{"data":2}\n'], Header("R1", 2, "orders", "./source", "source", 2.5))
    assert data_of(tmp_path) == b'{"data":1}\n{"data":1}\n{"data":2}\n'


def test_lines_of_a_legacy_input_are_never_control_lines(tmp_path: Path) -> None:
    line = b'{"checkpoint":"is data here"}\n'
    record(tmp_path, [line], Header("R1", 1, "orders", "./source", "source", 1.5, control=False))
    assert list(Record(tmp_path)) == [Lines(line, 1)]


def test_a_line_longer_than_is_held_back_comes_whole_or_not_at_all(tmp_path: Path) -> None:
    long = b'{"data":"' + b"x" * 3_000_000 + b'"}\n'
    record(tmp_path, [long, b'{"data":1}\n', long[:-1]])
    assert list(Record(tmp_path)) == [Lines(long, 1), Lines(b'{"data":1}\n', 1)]


def test_a_record_that_cannot_be_written_stops_whoever_relays(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="record.unwritable"):
        Recording(tmp_path / "file", HEADER)
    recording = Recording(tmp_path / "record", HEADER)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(UnavailableError, match=r"record\.unwritable.*too large"):
            take_for_ever(recording)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    with pytest.raises(UnavailableError, match=r"record\.unwritable"):
        recording.close()


def take_for_ever(recording: Recording) -> None:
    while True:
        recording.take(os.urandom(1 << 20))


def test_a_folder_without_a_record_and_one_of_something_else_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="record.missing"):
        Record(tmp_path)
    (tmp_path / "00000001.jsonl.gz").write_bytes(gzip.compress(b'{"data":1}\n'))
    with pytest.raises(ConfigError, match="record.damaged"):
        Record(tmp_path)
    (tmp_path / "00000001.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(ConfigError, match="record.damaged"):
        Record(tmp_path)
