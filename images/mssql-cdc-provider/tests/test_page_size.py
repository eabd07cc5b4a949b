"""How many rows a page is asked for."""

from __future__ import annotations

import pytest

from mssql_cdc_provider.page_size import PageSize
from mssql_cdc_provider.tables import Column

MIB = 1 << 20
ID = Column("id", "int", "int")
TEXT = Column("t", "nvarchar", "nvarchar(1000)")
ANY_TEXT = Column("m", "nvarchar", "nvarchar(max)")


@pytest.mark.parametrize(
    ("columns", "most_rows", "rows"),
    [
        ([ID, TEXT], 10_000, 4 * MIB // 1041),
        ([ID], 10_000, 10_000),
        ([ID, ANY_TEXT], 10_000, 500),
        ([TEXT] * 100, 10_000, 500),
        ([ID, ANY_TEXT], 20, 20),
    ],
    ids=["what fits", "no more than asked for", "nobody can tell", "seldom that long", "few"],
)
def test_the_first_page_goes_by_the_longest_rows_there_can_be(columns: list[Column], most_rows: int, rows: int) -> None:
    assert PageSize(most_rows, 4 * MIB, columns).rows == rows


def test_later_pages_go_by_the_rows_before() -> None:
    size = PageSize(10_000, MIB, [ID, ANY_TEXT])
    size.learn([(1, "x" * 1016), (2, "x" * 2040)])  # with eight bytes for a number: 1.5 KiB on average
    assert size.rows == MIB // 1536
