"""Values and names as T-SQL."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from mssql_cdc_provider.tsql import Name, Sql, fill, literal


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "NULL"),
        (True, "1"),
        (-7, "-7"),
        (Decimal("1E+3"), "1000"),
        (Decimal("-0.10"), "-0.10"),
        (1.5, "1.5E0"),
        (1e300, "1e+300"),
        ("it's", "N'it''s'"),
        (b"0123456789", "0x30313233343536373839"),
        (b"", "0x"),
        (UUID(int=1), "'00000000-0000-0000-0000-000000000001'"),
        (Name(("dbo", "a]b")), "[dbo].[a]]b]"),
        (Sql("1, 2"), "1, 2"),
    ],
)
def test_a_value_is_written_exactly(value: object, text: str) -> None:
    assert literal(value) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), date(2026, 1, 1), object()])
def test_what_has_no_exact_constant_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        literal(value)


def test_braces_are_only_special_where_values_are_given() -> None:
    assert fill("SELECT '{x}'", {}) == "SELECT '{x}'"
    assert fill("SELECT {x} AS [{{]", {"x": "{y}"}) == "SELECT N'{y}' AS [{]"
