"""The update mask."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssql_cdc_provider.mask import ordinals


@pytest.mark.parametrize(
    ("mask", "changed"),
    [
        (b"\x01", [0]),
        (b"\x06", [1, 2]),
        (b"\x00", []),
        (b"\x00\x01", [0]),  # of more than 8 columns, the first one is in the LAST byte
        (b"\x01\x00", [8]),
        (b"\x80\x00\x02", [1, 23]),
    ],
)
def test_the_first_column_is_the_lowest_bit_of_the_last_byte(mask: bytes, changed: list[int]) -> None:
    """27."""
    assert ordinals(mask) == changed


@given(st.sets(st.integers(0, 1023)))
def test_every_set_bit_is_found_of_up_to_1024_columns(columns: set[int]) -> None:
    mask = sum(1 << column for column in columns).to_bytes(128, "big")

    assert ordinals(mask) == sorted(columns)
