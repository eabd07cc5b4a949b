"""AMQP messages as the tests' Service Bus takes them apart, against what Proton makes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proton import Message as ProtonMessage

from tests.servers.servicebus import codec
from tests.servers.servicebus.message import Message, Received

bodies = st.binary(max_size=600)
texts = st.text(max_size=100)
identifiers = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=128)


def encoded(body: bytes, message_id: str, properties: dict[str, str | int | float | bool | None]) -> bytes:
    made = ProtonMessage(body=body, id=message_id, properties=properties, subject="s", ttl=5.0)
    made.inferred = True
    return made.encode()


@given(
    bodies, identifiers, st.dictionaries(texts, st.none() | st.booleans() | texts | st.integers(-(2**63), 2**63 - 1))
)
def test_what_proton_encodes_is_read_whole(body: bytes, message_id: str, properties: dict[str, object]) -> None:
    message = Message(encoded(body, message_id, properties))  # type: ignore[arg-type]  # invariance
    seen = Received.of(message)
    assert (seen.body, seen.message_id, seen.properties, seen.time_to_live_s) == (body, message_id, properties, 5.0)
    delivered = ProtonMessage()
    delivered.decode(message.wire())
    assert (delivered.body, delivered.id) == (body, message_id)


@given(st.lists(st.tuples(bodies, identifiers), min_size=1, max_size=20))
def test_a_batch_is_known_by_its_shape(messages: list[tuple[bytes, str]]) -> None:
    inner = [encoded(body, message_id, {"n": 1}) for body, message_id in messages]
    raw = b"".join(b"\x00\x53\x75\xb0" + len(one).to_bytes(4, "big") + one for one in inner)
    found = codec.batched(raw, codec.sections(raw))
    assert found is not None
    assert [one for one, _ in found] == inner


@given(bodies)
def test_a_single_message_is_no_batch(body: bytes) -> None:
    raw = encoded(body, "id", {"n": 1})
    assert codec.batched(raw, codec.sections(raw)) is None


@given(st.binary(min_size=1, max_size=200))
def test_what_is_no_message_is_refused_as_a_value(raw: bytes) -> None:
    try:
        parts = codec.sections(raw)
    except ValueError:
        return
    assert parts[-1].end == len(raw)


@given(bodies, st.data())
def test_a_message_cut_short_is_refused(body: bytes, data: st.DataObject) -> None:
    raw = encoded(body, "id", {})
    cut = data.draw(st.sampled_from([end - 1 for *_, end in codec.sections(raw)]))
    with pytest.raises(ValueError, match="cut short|constructor"):
        codec.sections(raw[:cut])
