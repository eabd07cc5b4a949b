"""The changes of all tables in commit order."""

from __future__ import annotations

from bisect import bisect_left

from hypothesis import given
from hypothesis import strategies as st

from mssql_cdc_provider.changes import Place
from mssql_cdc_provider.merge import merged
from mssql_cdc_provider.session import Row


class Listed:
    """The rows of a list, of which a page of a few can be seen at a time."""

    def __init__(self, rows: list[Row], page: int) -> None:
        self._pages = [rows[at : at + page] for at in range(0, len(rows), page)]

    @property
    def place(self) -> Place | None:
        return self._pages[0][0][:3] if self._pages else None

    def take(self, before: Place | None, most: int) -> list[Row]:
        page = self._pages.pop(0)
        end = len(page) if before is None else bisect_left(page, before)
        end = min(max(1, end), most)
        if page[end:]:
            self._pages.insert(0, page[end:])
        return page[:end]


def row(number: int, table: int) -> Row:
    """Change `number` of the log, four to a transaction, two to a statement."""
    return bytes([*[0] * 9, number // 4]), number // 2 % 2, bytes([*[0] * 9, number]), 2, b"\x01", table


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(1, 5))
def test_runs_are_in_the_order_of_the_log_whatever_pages_the_tables_come_in(owners: list[int], page: int) -> None:
    """2."""
    log = [row(number, table) for number, table in enumerate(owners)]
    readers = [Listed([one for one in log if one[-1] == table], page) for table in range(4)]

    runs = list(merged(readers))

    assert [one for _, rows, _ in runs for one in rows] == log
    assert all(one[-1] == index for index, rows, _ in runs for one in rows)
    assert all(settled for _, _, settled in runs)


@given(st.lists(st.integers(0, 20), max_size=30), st.lists(st.integers(0, 20), max_size=30))
def test_no_checkpoint_falls_between_two_tables_rows_of_the_same_place(left: list[int], right: list[int]) -> None:
    readers = [
        Listed([row(number, table) for number in sorted(set(numbers))], 3)
        for table, numbers in enumerate([left, right])
    ]

    places: list[Place] = []
    unsettled: Place | None = None
    for _, rows, settled in merged(readers):
        assert unsettled is None or rows[0][:3] == unsettled
        unsettled = None if settled else rows[-1][:3]
        places += [one[:3] for one in rows]

    assert unsettled is None
    assert places == sorted(places)
