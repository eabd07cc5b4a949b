from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from asb_output_provider.message_ids import delivery_warnings, key_columns, message_ids
from asb_output_provider.names import Table
from dstream_sdk import Column, Envelope, Stream

KEYS = ["LSN", "Seq", "SnapshotId"]
ORDERS = Table("dbo", "Orders")

words = st.text(max_size=5)
positions = st.fixed_dictionaries(
    {}, optional={"LSN": words, "Seq": words | st.integers(), "OperationType": st.sampled_from(["Insert", "Delete"])}
)


def id_of(metadata: dict[str, Any], data: Any = None, *, keys: list[str] = KEYS, table: Table = ORDERS) -> str | None:
    return message_ids(table, keys, ["ID"])(Envelope(data, metadata))


@given(positions, positions, words, words)
def test_two_changes_have_one_id_only_where_everything_that_names_them_is_the_same(
    one: dict[str, Any], other: dict[str, Any], schema: str, name: str
) -> None:
    first, second = id_of(one), id_of(other, table=Table(schema, name))
    same = one == other and (schema, name) == ORDERS
    assert first is None or (first == second) is same


def test_an_id_stays_the_same_for_ever() -> None:
    found = id_of({"LSN": "0a", "Seq": "01", "OperationType": "Insert", "CommitTime": "now"})
    assert found == id_of({"OperationType": "Insert", "Seq": "01", "LSN": "0a", "CommitTime": "later"})
    assert found == "af19847ba364a0e5c75dee37d35a2c6cb2391f8aa12ca9c946a315ac03dbeaf9"


def test_another_change_at_the_same_position_is_no_repeat() -> None:
    restored = {"LSN": "0a", "Seq": "01", "OperationType": "Insert"}
    assert id_of(restored, {"ID": 1}) != id_of(restored, {"ID": 2})
    of = message_ids(ORDERS, KEYS, ["ID"])
    assert of(Envelope({"ID": 1}, restored, {"ID": 1})) != of(Envelope({"ID": 1}, restored, {"ID": 2}))


def test_no_id_is_invented() -> None:
    assert id_of({"LSN": "0a"}, keys=[]) is None
    assert id_of({"Offset": 1}) is None


def test_rows_of_a_snapshot_are_told_apart_by_their_keys() -> None:
    snapshot = {"OperationType": "Snapshot", "LSN": "0a", "SnapshotId": "s"}
    assert id_of(snapshot, {"ID": 1, "Name": "x"}) == id_of(snapshot, {"Name": "x", "ID": 1})
    assert id_of(snapshot, {"ID": 1}) != id_of(snapshot, {"ID": 2})
    assert id_of(snapshot, {"ID": 1}) != id_of({**snapshot, "SnapshotId": "t"}, {"ID": 1})


def test_a_row_that_a_resumed_snapshot_reads_again_is_a_repeat_unless_it_changed() -> None:
    snapshot = {"OperationType": "Snapshot", "LSN": "0a", "SnapshotId": "s"}
    later = {**snapshot, "LSN": "0b"}
    assert id_of(snapshot, {"ID": 1, "Name": "x"}) == id_of(later, {"ID": 1, "Name": "x"})
    assert id_of(snapshot, {"ID": 1, "Name": "x"}) != id_of(later, {"ID": 1, "Name": "y"})


def test_rows_without_a_key_are_told_apart_by_their_ordinals() -> None:
    snapshot = {"OperationType": "Snapshot", "LSN": "0a", "SnapshotId": "s"}
    assert id_of({**snapshot, "Row": 1}) != id_of({**snapshot, "Row": 2})
    assert id_of({**snapshot, "Row": 0}) is not None
    assert id_of(snapshot, {"Name": "x"}) is None


def test_rows_of_no_known_snapshot_have_no_id() -> None:
    assert id_of({"OperationType": "Snapshot", "LSN": "0a"}, {"ID": 1}) is None


def test_what_cannot_be_known_as_a_repeat_is_said_beforehand() -> None:
    keyed, keyless = Stream("Orders", "dbo", [Column("ID", key=True)]), Stream("Log", "dbo", [Column("Text")])
    assert delivery_warnings(KEYS, [keyed]) == []
    assert "dbo.Log" in delivery_warnings(KEYS, [keyed, keyless])[0]
    assert "does not say" in delivery_warnings([], [keyed])[0]
    assert key_columns([keyed, keyless]) == {ORDERS: ["ID"]}
