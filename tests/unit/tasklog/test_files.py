"""What is written to a log is read back in order, by whoever follows it as well, and never takes more than so much."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.tasklog.files import LogFiles, numbers, path_of
from orchestrator.tasklog.reader import LogReader, last_record
from orchestrator.tasklog.record import Record

MAX_SIZE = 1000


def record(number: int, size: int = 0) -> Record:
    return Record(f"{number:06}", "info", "x" * size, "orders", "01", "input")


def line(number: int, size: int = 0) -> bytes:
    return msgspec.json.encode(record(number, size)) + b"\n"


def read(reader: LogReader) -> list[int]:
    return [int(found.time) for found in reader.read()]


def sizes(folder: Path) -> list[int]:
    return [path_of(folder, number).stat().st_size for number in numbers(folder)]


# How long the lines of a batch are, and whether the writer begins anew behind it, and how: killed within a line or not.
batches = st.lists(
    st.tuples(
        st.lists(st.integers(0, 400), max_size=12), st.sampled_from(["goes on", "ends", "is killed"]), st.booleans()
    ),
    max_size=12,
)


@given(batches, st.integers(2, 5))
def test_what_is_written_is_read_in_order_and_bounded(batches: list[tuple[list[int], str, bool]], files: int) -> None:
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path) / "log"
        follower, written, followed = LogReader(folder), 0, []
        writer = LogFiles(folder, max_size=MAX_SIZE, files=files)
        for lengths, then, looks in batches:
            writer.append([line(written + at, length) for at, length in enumerate(lengths)])
            written += len(lengths)
            if then != "goes on":
                writer.close()
                if then == "is killed":
                    with path_of(folder, max(numbers(folder))).open("ab") as torn:
                        torn.write(line(999_999)[:20])
                writer = LogFiles(folder, max_size=MAX_SIZE, files=files)
            if looks:
                followed += read(follower)
            assert len(numbers(folder)) <= files
            assert all(size <= MAX_SIZE + 20 for size in sizes(folder))
        writer.close()
        followed += read(follower)
        reader = LogReader(folder)
        kept = read(reader)
        reader.close()
        assert kept == list(range(written - len(kept), written))
        assert followed == sorted(set(followed))
        assert set(kept) <= set(followed)
        if not follower.skipped:
            assert followed == list(range(written - len(followed), written))
        newest = last_record(folder)
        assert (newest and int(newest.time)) == (written - 1 if written else None)
        follower.close()


def test_a_follower_that_falls_behind_knows_it(tmp_path: Path) -> None:
    writer, follower = LogFiles(tmp_path, max_size=MAX_SIZE, files=2), LogReader(tmp_path)
    writer.append([line(0)])
    assert read(follower) == [0]
    writer.append([line(number, 400) for number in range(1, 21)])
    assert read(follower)[-1] == 20
    assert follower.skipped > 0
    writer.close()
    follower.close()


def test_a_reader_can_begin_at_the_end(tmp_path: Path) -> None:
    writer, reader = LogFiles(tmp_path, max_size=MAX_SIZE, files=4), LogReader(tmp_path)
    writer.append([line(number, 300) for number in range(9)])
    reader.skip()
    assert read(reader) == []
    writer.append([line(9), line(10)])
    assert read(reader) == [9, 10]
    writer.close()
    reader.close()


def test_there_is_nothing_to_read_where_nothing_was_written(tmp_path: Path) -> None:
    reader = LogReader(tmp_path / "none")
    reader.skip()
    assert read(reader) == []
    assert last_record(tmp_path / "none") is None


def test_a_line_longer_than_a_file_is_kept(tmp_path: Path) -> None:
    writer = LogFiles(tmp_path, max_size=MAX_SIZE, files=2)
    writer.append([line(0), line(1, 5000), line(2)])
    writer.close()
    reader = LogReader(tmp_path)
    assert read(reader) == [1, 2]
    reader.close()
