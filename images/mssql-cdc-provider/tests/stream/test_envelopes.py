"""What is sent of a change."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dstream_sdk import Envelope, ProviderError
from mssql_cdc_provider.changes import Times
from mssql_cdc_provider.envelopes import Envelopes, Order, schema_version
from mssql_cdc_provider.names import TableName
from mssql_cdc_provider.session import Row
from mssql_cdc_provider.tables import CaptureInstance, Column

ORDERS = TableName("sales", "Orders")
ID = Column("id", "int", "int", nullable=False)
NOTE = Column("note", "nvarchar", "nvarchar(max)")
PLAIN = [Column(f"c{at}", "int", "int") for at in range(9)]
LSN = bytes([1] * 10)
DELETE, INSERT, BEFORE, AFTER = 1, 2, 3, 4


def change(operation: int, *values: Any, mask: int = 0, lsn: bytes = LSN, seq: int = 1) -> Row:
    return lsn, 1, seq.to_bytes(10, "big"), operation, mask.to_bytes(2, "big"), *values


def sent(columns: list[Column], *rows: Row, skip: Collection[str] = (), order: Order | None = None) -> list[Envelope]:
    instance = CaptureInstance("sales_Orders", ORDERS, 1, 2, LSN, tuple(columns), ("id",))
    times = {LSN: Times(datetime(2024, 5, 1, 12), b"\xab\xcd")}  # noqa: DTZ001 - as the driver has it
    envelopes = Envelopes(instance, ORDERS, columns, skip=skip)
    return list(envelopes.of_changes(rows, times, timedelta(hours=2), order or Order(b"", 0)))


def test_an_insert_says_what_who_when_and_where() -> None:
    (record,) = sent([ID], change(INSERT, 7))

    assert record.data == {"id": 7}
    assert record.before is None
    assert record.metadata == {
        "TableName": "Orders",
        "SchemaName": "sales",
        "SchemaVersion": schema_version([ID]),
        "LSN": "01010101010101010101",
        "CommitTime": datetime(2024, 5, 1, 10, tzinfo=UTC),
        "TransactionId": "abcd",
        "Seq": "00000000000000000001",
        "OperationType": "Insert",
        "OperationID": 2,
        "Order": 1,
    }


def test_an_update_has_both_rows_and_the_changed_columns_of_more_than_eight() -> None:
    """23, 27. The first column's bit is in the mask's last byte."""
    was, now = [0] * 9, [1, *[0] * 7, 1]

    (record,) = sent(PLAIN, change(BEFORE, *was, mask=0x101), change(AFTER, *now, mask=0x101))

    assert record.data == {f"c{at}": value for at, value in enumerate(now)}
    assert record.before == {f"c{at}": 0 for at in range(9)}
    assert record.metadata["Changed"] == ["c0", "c8"]
    assert record.metadata["OperationType"] == "Update"


def test_a_delete_has_the_row_as_it_was() -> None:
    """23."""
    (record,) = sent([ID], change(DELETE, 7))

    assert record.data == record.before == {"id": 7}


def test_a_large_value_that_did_not_change_is_left_out_and_named() -> None:
    """27. SQL Server says NULL for it."""
    (record,) = sent([ID, NOTE], change(BEFORE, 1, None, mask=1), change(AFTER, 2, None, mask=1))

    assert record.data == {"id": 2}
    assert record.before == {"id": 1}
    assert record.metadata["Unchanged"] == ["note"]


def test_a_large_value_that_was_set_to_null_is_null() -> None:
    """27."""
    (record,) = sent([ID, NOTE], change(BEFORE, 1, "x", mask=2), change(AFTER, 1, None, mask=2))

    assert record.data == {"id": 1, "note": None}
    assert record.before == {"id": 1, "note": "x"}
    assert "Unchanged" not in record.metadata


def test_a_large_value_that_is_there_is_sent_though_nothing_changed_it() -> None:
    (record,) = sent([ID, NOTE], change(BEFORE, 1, None, mask=1), change(AFTER, 2, "x", mask=1))

    assert record.data == {"id": 2, "note": "x"}
    assert "Unchanged" not in record.metadata


def test_text_is_never_logged_before_a_change() -> None:
    text = Column("t", "text", "text")

    deleted, updated = sent(
        [ID, text], change(DELETE, 1, None), change(BEFORE, 2, None, mask=2), change(AFTER, 2, "new", mask=2)
    )

    assert deleted.data == {"id": 1}
    assert updated.before == {"id": 2}
    assert updated.data == {"id": 2, "t": "new"}


@pytest.mark.parametrize(
    "rows",
    [
        [change(BEFORE, 1)],
        [change(AFTER, 1)],
        [change(BEFORE, 1), change(INSERT, 1)],
        [change(BEFORE, 1), change(BEFORE, 1)],
    ],
)
def test_half_an_update_is_an_error(rows: list[Row]) -> None:
    """2."""
    with pytest.raises(ProviderError, match=r"only one of its two rows"):
        sent([ID], *rows)


def test_skipped_operations_are_not_sent() -> None:
    """25."""
    rows = [change(INSERT, 1), change(DELETE, 1), change(BEFORE, 1, mask=1), change(AFTER, 2, mask=1)]

    assert [one.metadata["OperationType"] for one in sent([ID], *rows, skip=["update", "insert"])] == ["Delete"]


def test_an_update_of_columns_that_are_not_sent_comes_with_nothing_changed() -> None:
    """25. Leaving it out would hide that the row was written."""
    instance = CaptureInstance("sales_Orders", ORDERS, 1, 2, LSN, (ID, PLAIN[0]), ("id",))
    rows = [change(BEFORE, 1, mask=2), change(AFTER, 1, mask=2)]

    (record,) = Envelopes(instance, ORDERS, [ID]).of_changes(rows, {}, timedelta(), Order(b"", 0))

    assert record.metadata["Changed"] == []


def test_order_counts_through_a_transaction_and_begins_anew_with_the_next() -> None:
    later = bytes([2] * 10)

    records = sent([ID], change(INSERT, 1), change(INSERT, 2), change(INSERT, 3, lsn=later), order=Order(LSN, 5))

    assert [one.metadata["Order"] for one in records] == [6, 7, 1]
    assert records[2].metadata["CommitTime"] is None


def test_the_same_columns_are_the_same_version_and_another_type_is_another() -> None:
    assert schema_version([ID, NOTE]) == schema_version([Column("id", "int", "int"), NOTE])
    assert schema_version([ID, NOTE]) != schema_version([Column("id", "bigint", "bigint"), NOTE])
    assert schema_version([ID, NOTE]) != schema_version([NOTE, ID])
