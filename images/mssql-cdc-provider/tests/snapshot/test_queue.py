"""Which tables are read whole, by mode, stored state and request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dstream_sdk import ProviderError
from mssql_cdc_provider.config import SnapshotMode
from mssql_cdc_provider.names import TableName
from mssql_cdc_provider.snapshot.jobs import Range
from mssql_cdc_provider.snapshot.queue import Queue

A, B, C = (TableName("dbo", name) for name in "ABC")


def queue(mode: SnapshotMode, saved: Any = None) -> Queue:
    return Queue(mode, saved)


def stored(queue: Queue) -> Any:
    return json.loads(json.dumps(queue.to_json()))


def names(queue: Queue) -> list[str]:
    return [job.table for job in queue]


def all_read(mode: SnapshotMode) -> Queue:
    made = queue(mode)
    made.follow([A, B])
    for job in made:
        made.finish(job)
    return made


@pytest.mark.parametrize("mode", ["initial", "initial_only", "always", "when_needed"])
def test_a_first_start_reads_every_table(mode: SnapshotMode) -> None:
    """13. Modes of the snapshot."""
    made = queue(mode)
    made.follow([A, B])
    assert (names(made), made.first) == (["dbo.A", "dbo.B"], True)


def test_no_data_reads_nothing_now_or_later() -> None:
    """13. Mode `no_data` streams from now on."""
    made = queue("no_data")
    made.follow([A])
    made.follow([A, B])
    assert (names(made), made.first) == ([], False)
    again = queue("no_data", stored(made))
    again.follow([A, B, C])
    assert names(again) == []


@pytest.mark.parametrize(("mode", "expected"), [("initial", []), ("when_needed", []), ("always", ["dbo.A", "dbo.B"])])
def test_only_always_reads_everything_at_the_next_start(mode: SnapshotMode, expected: list[str]) -> None:
    """13. Mode `always`, and those that read once."""
    again = queue(mode, stored(all_read(mode)))
    again.follow([A, B])
    assert (names(again), again.first) == (expected, False)


def test_a_snapshot_that_was_broken_off_is_taken_up_where_it_was_in_every_mode() -> None:
    modes: tuple[SnapshotMode, ...] = ("initial", "always")
    for mode in modes:
        made = queue(mode)
        made.follow([A, B])
        first, second = made
        made.finish(first)
        second.begin(["ID"], [Range(None, 5, [3]), Range(5)])
        again = queue(mode, stored(made))
        again.follow([A, B])
        (job,) = again
        assert (job.table, job.id, [part.to_json() for part in job.ranges or ()]) == (
            "dbo.B",
            second.id,
            [[None, 5, [3]], [5, None, None]],
        )
        assert again.first


def test_only_initial_only_is_finished_and_not_before_tables_are_known() -> None:
    """13. `initial_only` never streams."""
    made = queue("initial_only")
    assert not made.finished
    made.follow([A, B])
    assert not made.finished
    assert all_read("initial_only").finished
    assert not all_read("initial").finished
    again = queue("initial_only", stored(all_read("initial_only")))
    again.follow([A, B])
    assert again.finished


def test_a_table_that_is_added_is_read_and_one_that_comes_back_is_read_anew() -> None:
    made = all_read("initial")
    made.follow([A, B, C])
    assert names(made) == ["dbo.C"]
    made.follow([B])
    assert names(made) == []
    made.follow([A, B])
    assert names(made) == ["dbo.A"]


def test_a_request_takes_the_place_of_the_same_one_and_stands_beside_others() -> None:
    made = queue("initial")
    made.follow([A])
    made.again([A], "Id > 1")
    earlier = made.ids
    made.again([A], "Id > 1")
    assert len(made.ids & earlier) == 1
    made.again([A], "Id > 2")
    assert [job.filter for job in made] == [None, "Id > 1", "Id > 2"]
    made.again([A])
    assert [job.filter for job in made] == ["Id > 1", "Id > 2", None]


def test_what_a_filter_let_through_is_no_whole_table() -> None:
    made = queue("initial")
    made.follow([A])
    made.again([A], "Id > 1")
    made.finish(next(job for job in made if job.filter))
    assert names(queue("initial", stored(made))) == ["dbo.A"]


@pytest.mark.parametrize(
    "saved", [[], {}, {"jobs": [{}], "done": [], "first": True}, {"jobs": [1], "done": [], "first": True}]
)
def test_foreign_state_is_an_error_and_no_traceback(saved: Any) -> None:
    with pytest.raises(ProviderError, match="state"):
        queue("initial", saved)
