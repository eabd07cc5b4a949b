"""SQL Server's values as JSON's."""

from __future__ import annotations

import datetime as dt
import json
import struct
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssql_cdc_provider.tables import Column
from mssql_cdc_provider.values import Converters, converter, expression

decimals = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**37), max_value=10**37)


def sent(column_type: str, value: Any) -> Any:
    """What a reader of the stream gets for a value of the driver's."""
    row = Converters([Column("c", column_type, column_type)]).values((value,))
    return json.loads(msgspec.json.encode(row), parse_float=Decimal)["c"]


@given(decimals)
def test_a_decimal_keeps_every_digit(value: Decimal) -> None:
    assert Decimal(sent("decimal", f"{value:f}")) == value


@given(decimals)
def test_a_decimal_is_a_number_unless_a_double_would_round_it(value: Decimal) -> None:
    got = sent("decimal", f"{value:f}")

    assert isinstance(got, str) == (Decimal(repr(float(value))) != value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("12.50", Decimal("12.5")),
        ("922337203685477.5807", "922337203685477.5807"),
        ("-0.0001", Decimal("-0.0001")),
        ("0.00", 0),
        ("99999999999999999999999999999999999999", "99999999999999999999999999999999999999"),
        ("0.0000001", Decimal("1E-7")),
    ],
)
def test_decimal_and_money_edges(value: str, expected: Any) -> None:
    assert sent("money", value) == expected


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_real_has_no_digits_but_its_own(value: float) -> None:
    got = converter(Column("c", "real", "real"))

    assert got is not None
    assert struct.pack("<f", got(value)) == struct.pack("<f", value)
    assert len(repr(abs(got(value))).replace(".", "").split("e")[0].strip("0")) <= 9


def test_a_real_is_as_short_as_it_was_written() -> None:
    (driver_value,) = struct.unpack("<f", struct.pack("<f", 0.1))

    assert sent("real", driver_value) == Decimal("0.1")


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_bigint_is_a_number(value: int) -> None:
    assert sent("bigint", value) == value


@given(st.datetimes(), st.integers(0, 9_999_999), st.sampled_from(["", " +02:00", " -07:30", " +00:00"]))
def test_a_moment_keeps_all_seven_digits(moment: dt.datetime, ticks: int, offset: str) -> None:
    text = f"{moment:%Y-%m-%d %H:%M:%S}".rjust(19, "0") + f".{ticks:07d}{offset}"

    got = sent("datetimeoffset" if offset else "datetime2", text)

    day, _, rest = got.partition("T")
    clock, fraction = rest[:8], rest[8 : len(rest) - len(offset.strip())]
    assert f"{day} {clock}" == text[:19]
    assert fraction.lstrip(".").ljust(7, "0") == f"{ticks:07d}"
    assert got.endswith(offset.strip())
    assert not fraction.endswith(("0", "."))


@pytest.mark.parametrize(
    ("column_type", "value", "expected"),
    [
        ("datetime2", "0001-01-01 00:00:00.0000000", "0001-01-01T00:00:00"),
        ("datetime2", "9999-12-31 23:59:59.9999999", "9999-12-31T23:59:59.9999999"),
        ("datetime2", "2024-05-01 10:00:00", "2024-05-01T10:00:00"),
        ("datetimeoffset", "2024-05-01 10:00:00.1200000 -14:00", "2024-05-01T10:00:00.12-14:00"),
        ("time", "23:59:59.9999999", "23:59:59.9999999"),
        ("time", "00:00:00.0000000", "00:00:00"),
        ("datetime", dt.datetime(1753, 1, 1, 0, 0, 0, 997000), "1753-01-01T00:00:00.997000"),  # noqa: DTZ001 - as the driver has it
        ("smalldatetime", dt.datetime(2079, 6, 6, 23, 59), "2079-06-06T23:59:00"),  # noqa: DTZ001
        ("date", dt.date(1, 1, 1), "0001-01-01"),
        ("bit", True, True),
        ("bit", None, None),  # CDC says NULL for a NOT NULL bit of some deletes
        ("decimal", None, None),
        ("tinyint", 255, 255),
        ("float", 1e308, Decimal("1E+308")),
        ("uniqueidentifier", UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("varbinary", b"\x00\xff", "AP8="),
        ("timestamp", bytes(8), "AAAAAAAAAAA="),
        ("nvarchar", "it's 🎈\0 \u2028", "it's 🎈\0 \u2028"),
        ("nvarchar", "", ""),
    ],
)
def test_how_each_type_is_sent(column_type: str, value: Any, expected: Any) -> None:
    """26."""
    assert sent(column_type, value) == expected


@pytest.mark.parametrize(
    ("column_type", "selected"),
    [
        ("int", "[a]]b]"),
        ("datetime2", "CONVERT(varchar(34), [a]]b], 121)"),
        ("decimal", "CONVERT(varchar(41), [a]]b])"),
        ("money", "CONVERT(varchar(41), [a]]b], 2)"),
        ("hierarchyid", "CAST([a]]b] AS nvarchar(max))"),
        ("sql_variant", "CAST([a]]b] AS nvarchar(max))"),
        ("geography", "CAST([a]]b] AS varbinary(max))"),
    ],
)
def test_what_the_driver_would_cut_is_selected_as_text(column_type: str, selected: str) -> None:
    assert expression(Column("a]b", column_type, column_type)) == selected
