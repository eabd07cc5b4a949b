"""Dates and times to 100 ns, as SQL Server stores, rounds and shows them."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.servers.sqlserver import clocks

MOMENTS = st.datetimes(dt.datetime.fromisoformat("0001-01-02"), dt.datetime.fromisoformat("9999-12-30"))
OFFSETS = st.integers(-14 * 60, 14 * 60)


@given(MOMENTS)
def test_a_moment_is_stored_as_it_is_written(moment: dt.datetime) -> None:
    assert clocks.as_datetime2(moment.isoformat("T", "microseconds"), 7) == moment.isoformat(" ", "microseconds") + "0"


@given(MOMENTS, MOMENTS)
def test_stored_moments_sort_as_moments_do(one: dt.datetime, other: dt.datetime) -> None:
    stored = [clocks.as_datetime2(each.isoformat(" "), 7) for each in (one, other)]
    assert (stored[0] < stored[1]) == (one < other)


@given(MOMENTS, OFFSETS, OFFSETS)
def test_an_offset_is_kept_and_does_not_move_the_moment(moment: dt.datetime, offset: int, other: int) -> None:
    here = moment.replace(tzinfo=dt.timezone(dt.timedelta(minutes=offset)))
    stored = clocks.as_datetimeoffset(str(here), 7)
    shown = dt.datetime.fromisoformat(clocks.shown_datetimeoffset(stored).replace(" +", "+").replace(" -", "-"))
    assert (shown, shown.utcoffset()) == (here, here.utcoffset())
    assert clocks.as_datetimeoffset(stored, 7) == stored
    elsewhere = clocks.as_datetimeoffset(str(here.astimezone(dt.timezone(dt.timedelta(minutes=other)))), 7)
    assert elsewhere.rpartition(" ")[0] == stored.rpartition(" ")[0]


@pytest.mark.parametrize(
    ("text", "scale", "stored"),
    [
        ("20240501", 0, "2024-05-01 00:00:00"),
        ("2024-05-01T10:00", 2, "2024-05-01 10:00:00.00"),
        ("2024-12-31 23:59:59.9999999", 3, "2025-01-01 00:00:00.000"),
        ("2024-05-01 10:00:00.12345678", 7, "2024-05-01 10:00:00.1234567"),
    ],
)
def test_digits_are_rounded_to_the_scale(text: str, scale: int, stored: str) -> None:
    assert clocks.as_datetime2(text, scale) == stored


def test_a_time_does_not_round_to_midnight() -> None:
    assert clocks.as_time("23:59:59.9999999", 3) == "23:59:59.999"


@pytest.mark.parametrize("text", ["yesterday", "2024-13-01", "10:00:00 o'clock"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        clocks.as_datetime2(text, 7)
