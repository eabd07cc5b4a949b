"""Positions in the log, and the state that holds one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dstream_sdk import ProviderError
from mssql_cdc_provider.lsn import ZERO, Position, following, from_hex, preceding
from mssql_cdc_provider.names import TableName
from mssql_cdc_provider.state import State

lsns = st.binary(min_size=10, max_size=10)
inside = st.builds(Position, lsns, st.integers(-1, 2**31 - 2), lsns, st.sampled_from([1, 2, 4]))
positions = inside | st.builds(Position.behind, lsns)
names = st.builds(TableName, st.text(min_size=1), st.text(min_size=1))
states = st.builds(State, positions, st.integers(0), st.dictionaries(names, st.none() | lsns), st.none())


@given(states)
def test_a_state_comes_back_as_it_was_stored(state: State) -> None:
    stored = msgspec.json.decode(msgspec.json.encode(state.to_json()))

    assert State.from_json(stored) == state


@given(inside)
def test_a_position_inside_a_transaction_is_before_its_end_and_behind_the_one_before(position: Position) -> None:
    assert position < Position.behind(position.commit_lsn)
    assert position > Position.behind(preceding(position.commit_lsn)) or position.commit_lsn == ZERO


def test_commands_order_before_sequence_values() -> None:
    """1, 5. A sequence value alone is not in the order of statements."""
    first = Position(b"\1" * 10, 1, b"\7" * 10, 2)
    second = Position(b"\1" * 10, 2, b"\1" * 10, 2)

    assert first < second


def test_an_lsn_is_20_lower_case_digits() -> None:
    assert Position.behind(bytes.fromhex("0000000A0000000B000C")).to_json() == {"lsn": "0000000a0000000b000c"}
    assert from_hex("0000000a0000000b000c") == bytes([0, 0, 0, 10, 0, 0, 0, 11, 0, 12])


def test_the_next_lsn_carries() -> None:
    assert following(b"\0" * 8 + b"\xff\xff") == b"\0" * 7 + b"\1\0\0"
    assert preceding(b"\0" * 7 + b"\1\0\0") == b"\0" * 8 + b"\xff\xff"
    assert preceding(ZERO) == ZERO


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        {"version": 2},
        {"version": 1},
        {"version": 1, "position": {"lsn": "0a"}, "order": 0, "tables": []},
        {"version": 1, "position": {"lsn": "00" * 10, "seq": "00"}, "order": 0, "tables": []},
        {"version": 1, "position": {"lsn": "00" * 10}, "order": "?", "tables": []},
        {"version": 1, "position": {"lsn": "00" * 10}, "order": 0, "tables": [["dbo"]]},
    ],
)
def test_state_of_another_kind_is_refused(value: Any) -> None:
    with pytest.raises(ProviderError):
        State.from_json(value)


def test_no_state_is_a_first_start() -> None:
    assert State.from_json(None) is None
