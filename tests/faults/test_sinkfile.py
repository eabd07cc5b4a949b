"""The judge of the other tests here, judged: sink files with one fault each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.sinkfile import faults_in, record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def written(path: Path, *starts: Iterable[int]) -> Path:
    """A sink's file, as these starts would have left it."""
    file = path / "sink"
    with file.open("wb") as sink:
        for number, start in enumerate(starts):
            sink.write(b'{"start":"run-%d"}\n' % number)
            sink.writelines(record(value) for value in start)
    return file


@pytest.mark.parametrize(
    "starts",
    [
        pytest.param([range(1, 101)], id="one start"),
        pytest.param([range(1, 61), range(61, 101)], id="nothing repeated"),
        pytest.param([range(1, 61), range(41, 101)], id="as much repeated as may be"),
        pytest.param([range(0), range(1, 61), range(0), range(50, 101)], id="starts that wrote nothing"),
        pytest.param([range(1, 101), range(91, 101)], id="the end repeated"),
    ],
)
def test_a_file_that_keeps_the_promise_has_no_fault(tmp_path: Path, starts: list[range]) -> None:
    assert faults_in(written(tmp_path, *starts), count=100, bound=20) == []


@pytest.mark.parametrize(
    ("starts", "said"),
    [
        pytest.param([range(1, 100)], ["1 records are missing, the first is 100"], id="the tail lost"),
        pytest.param(
            [range(1, 61), range(62, 101)], ["begins with 62", "the first is 61"], id="one lost between starts"
        ),
        pytest.param([[*range(1, 50), *range(51, 101)]], ["51 follows 49", "the first is 50"], id="one lost"),
        pytest.param([[*range(1, 51), *range(50, 101)]], ["50 follows 50"], id="one doubled"),
        pytest.param([[*range(1, 50), 51, 50, *range(52, 101)]], ["51 follows 49"], id="two exchanged"),
        pytest.param([range(1, 61), range(40, 101)], ["repeats 21 records, more than 20"], id="too much repeated"),
        pytest.param([range(1, 102)], ["record 101 was never in the source"], id="one too many"),
        pytest.param([range(0)], ["100 records are missing"], id="nothing written"),
    ],
)
def test_every_kind_of_fault_is_found(tmp_path: Path, starts: list[Iterable[int]], said: list[str]) -> None:
    faults = "\n".join(faults_in(written(tmp_path, *starts), count=100, bound=20))
    for text in said:
        assert text in faults


def test_a_changed_record_is_found(tmp_path: Path) -> None:
    file = written(tmp_path, range(1, 101))
    file.write_bytes(file.read_bytes().replace("é".encode(), b"e", 1))
    assert "was changed on its way" in "\n".join(faults_in(file, count=100, bound=20))
