"""Which tables a pattern means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssql_cdc_provider.names import Pattern, TableName, like, matching, picked

ORDERS, LINES, OLD, DOTTED = (
    TableName("dbo", "Orders"),
    TableName("sales", "OrderLines"),
    TableName("sales", "Orders_archive"),
    TableName("dbo", "a.b*"),
)
ALL = [ORDERS, LINES, OLD, DOTTED]


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("Orders", [ORDERS]),
        ("dbo.orders", [ORDERS]),
        ("sales.*", [LINES, OLD]),
        ("*.Order*", [ORDERS, LINES, OLD]),
        ("sales.OrderLine?", [LINES]),
        ("[a.b*]", [DOTTED]),
        ("[dbo].[Orders]", [ORDERS]),
        ("[Order*]", []),
        ("*", [ORDERS, DOTTED]),
    ],
)
def test_a_pattern_means_these_tables(pattern: str, meant: list[TableName]) -> None:
    assert matching(ALL, [pattern]) == meant


def test_excluded_tables_are_left_out_and_the_servers_order_is_kept() -> None:
    assert matching(ALL, ["sales.*", "Orders"], ["*.*_archive"]) == [ORDERS, LINES]


@pytest.mark.parametrize("text", ["", ".", "a.", ".b", "a.b.c", "[a", "a]b", "[]", "[a]b"])
def test_what_is_no_table_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write `table` or"):
        Pattern(text)


_names = st.text(min_size=1, max_size=12)


@given(_names, _names)
def test_a_name_in_brackets_means_itself_whatever_it_is(schema: str, name: str) -> None:
    table = TableName(schema, name)
    assert Pattern(str(table.sql)).matches(table)


def test_the_first_pattern_that_means_the_table_decides() -> None:
    assert picked({"sales.*": 1, "*.*": 2}, LINES) == 1
    assert picked({"sales.*": 1}, ORDERS) is None


def test_no_patterns_are_like_everything() -> None:
    assert like("dbo_Orders", [])
    assert like("dbo_Orders_v2", ["*_V2"])
    assert not like("dbo_Orders", ["*_v2"])
