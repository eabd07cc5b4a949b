from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asb_output_provider.messages import message_maker, properties, session_id
from asb_output_provider.names import Table
from dstream_sdk import Envelope

ORDERS = Table("dbo", "Orders")
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
metadata = st.dictionaries(st.text(), scalars | st.lists(scalars, max_size=2), max_size=40)


@given(metadata)
def test_every_metadata_makes_a_message_that_can_be_encoded(given_metadata: dict[str, Any]) -> None:
    found = properties(given_metadata)
    assert len(found) <= 32
    assert all(isinstance(value, str | bool | int | float) for value in found.values())
    assert all(abs(value) <= 2**31 for value in found.values() if isinstance(value, int))


def test_metadata_stands_beside_the_envelope() -> None:
    make = message_maker(ORDERS, lambda _: "id", sessions=False, key_columns=["ID"])
    envelope = Envelope({"ID": 1}, {"TableName": "Orders", "Order": 7, "Changed": ["ID"], "At": None}, {"ID": 0})
    message = make(envelope)
    assert msgspec.json.decode(b"".join(message.body), type=Envelope) == envelope
    assert message.application_properties == {"TableName": "Orders", "Order": 7}
    named = message.properties
    assert named is not None
    assert (named.content_type, named.message_id, named.group_id) == ("application/json", "id", None)


def test_a_number_past_32_bits_is_text() -> None:
    assert properties({"a": 2**31 - 1, "b": 2**31, "c": True}) == {"a": 2**31 - 1, "b": "2147483648", "c": True}


def test_long_text_is_left_to_the_body() -> None:
    assert properties({"a": "x" * 1025, "b": "x" * 1024}) == {"b": "x" * 1024}


@pytest.mark.parametrize(
    ("key", "session"), [([7], "7"), (["a b"], "a b"), ([7, "x"], '[7,"x"]'), (None, "dbo.Orders")]
)
def test_a_row_is_a_session(key: list[Any] | None, session: str) -> None:
    assert session_id(ORDERS, key) == session


@given(st.lists(scalars, min_size=1, max_size=3), st.lists(scalars, min_size=1, max_size=3))
def test_two_rows_of_a_table_are_two_sessions(one: list[Any], other: list[Any]) -> None:
    alike = [type(value) for value in one] == [type(value) for value in other]
    assert 0 < len(session_id(ORDERS, one)) <= 128
    assert not alike or (session_id(ORDERS, one) == session_id(ORDERS, other)) is (one == other)
