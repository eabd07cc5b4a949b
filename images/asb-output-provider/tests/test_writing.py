"""What a run brings into the queues."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import pytest

from asb_output_provider.provider import AsbOutput
from asb_output_provider.queue_writer import Outgoing, QueueWriter
from asb_output_provider.routing import Route
from dstream_sdk import Column, Envelope, ProviderError, Rejection, Stream
from tests.asb import CUSTOMERS, ORDERS, PERSONS, STREAMS, change, opened, row, sent
from tests.servers.servicebus import ServiceBus

Output = Callable[..., AsbOutput]


def test_each_tables_records_come_into_its_queue_in_order(bus: ServiceBus, output: Output) -> None:
    tables = ["Orders", "Persons", "Customers"]
    provider = output()
    for start in (0, 300):
        assert list(provider.write([change(n, tables[n % 3]) for n in range(start, start + 300)])) == []
    assert sent(bus, ORDERS) == list(range(0, 600, 3))
    assert sent(bus, PERSONS) == list(range(1, 600, 3))
    assert sent(bus, CUSTOMERS) == list(range(2, 600, 3))


def test_a_message_is_the_whole_envelope(bus: ServiceBus, output: Output) -> None:
    record = change(1, Name="Ö", Price="12.50", Photo=None)
    record.before = {"ID": 1}
    output().write([record])
    (message,) = bus.received(ORDERS)
    assert msgspec.json.decode(message.body, type=Envelope) == record
    assert message.content_type == "application/json"
    assert message.properties["TableName"] == "Orders"


def test_batches_are_filled_by_bytes(bus: ServiceBus, output: Output) -> None:
    provider = output()
    before = bus.counts().get("transfers", 0)
    provider.write([change(n, Note="x" * 5_000) for n in range(200)])
    assert sent(bus) == list(range(200))
    assert bus.counts()["transfers"] - before == 5  # 200 messages of some 5.3 KB, 256 KB a batch


def test_batches_fit_with_what_the_library_puts_around_them(caplog: pytest.LogCaptureFixture) -> None:
    with ServiceBus(whole_envelopes=True) as strict:
        strict.create(ORDERS)
        provider = opened(strict.connection_string)
        lengths = range(129_800, 130_900, 20)  # the shorter ones fit into a batch by twos
        try:
            for length in lengths:
                assert list(provider.write([change(n, Note="x" * length) for n in (1, 2)])) == []
        finally:
            provider.close()
        assert "refused" not in caplog.text
        assert len(lengths) < strict.counts()["transfers"] < 2 * len(lengths)


def test_what_a_restart_repeats_is_there_once(bus: ServiceBus, output: Output) -> None:
    records = [change(n) for n in range(50)] + [row(n, "Persons") for n in range(50)]
    output(streams=STREAMS).write(records)
    output(streams=STREAMS).write([*records, change(50)])
    assert sent(bus, ORDERS) == list(range(51))
    assert sent(bus, PERSONS) == list(range(50))


def test_another_tasks_records_are_no_repeats(bus: ServiceBus, output: Output) -> None:
    output().write([change(1)])
    output(task="other").write([change(1)])
    assert sent(bus) == [1, 1]


def test_without_declared_keys_nothing_is_taken_for_a_repeat(bus: ServiceBus, output: Output) -> None:
    output(keys=[]).write([change(1), change(1)])
    assert sent(bus) == [1, 1]


def test_rows_that_look_alike_are_all_there(bus: ServiceBus, output: Output) -> None:
    keyless = Stream("Orders", "dbo", [Column("ID")])
    output(streams=[keyless]).write([row(1), row(1)])
    assert sent(bus) == [1, 1]


def test_a_record_too_large_for_the_queue_is_rejected_and_the_others_are_not(bus: ServiceBus, output: Output) -> None:
    records = [change(1), change(2, Note="x" * 300_000), change(3), change(4, "Persons")]
    (rejection,) = output().write(records)
    assert (rejection.index, rejection.code) == (1, "too_large")
    assert (sent(bus), sent(bus, PERSONS)) == ([1, 3], [4])


@pytest.mark.parametrize("metadata", [{}, {"TableName": ""}, {"TableName": 7}, {"TableName": ["Orders"]}])
def test_a_record_of_no_table_is_rejected(bus: ServiceBus, output: Output, metadata: dict[str, object]) -> None:
    (rejection,) = output().write([Envelope({"ID": 1}, metadata)])
    assert rejection.code == "no_table"


def test_records_of_no_table_may_be_given_one(bus: ServiceBus, output: Output) -> None:
    output(default_table="Persons").write([Envelope({"ID": 1}, {"seq": 1}), change(2, "Persons")])
    assert sent(bus, PERSONS) == [1, 2]


def test_records_without_a_schema_are_of_the_announced_table(bus: ServiceBus, output: Output) -> None:
    bus.create("sales.Invoices_cdc_events")
    provider = output(streams=[Stream("Invoices", "sales")])
    provider.write([Envelope({"ID": 1}, {"TableName": "Invoices"})])
    assert sent(bus, "sales.Invoices_cdc_events") == [1]


@pytest.mark.parametrize(("named", "schema"), [("Orders", "dbo"), ("dbo.Orders", None), ("Orders", "public")])
def test_the_default_schema_may_be_said_or_not(bus: ServiceBus, output: Output, named: str, schema: str | None) -> None:
    output(streams=[], tables=[named]).write([Envelope({"ID": 1}, {"TableName": "Orders", "SchemaName": schema})])
    assert sent(bus) == [1]


def test_with_sessions_each_row_is_one(bus: ServiceBus, output: Output) -> None:
    bus.create("Log_cdc_events", RequiresSession="true")
    bus.create("Keyed_cdc_events", RequiresSession="true")
    streams = [Stream("Keyed", "dbo", [Column("ID", key=True)]), Stream("Log", "dbo", [Column("ID")])]
    output(streams=streams, queues={"sessions": True}).write(
        [change(n % 2, t) for n in (1, 2) for t in ("Keyed", "Log")]
    )
    assert [message.session_id for message in bus.received("Keyed_cdc_events")] == ["1", "0"]
    assert [message.session_id for message in bus.received("Log_cdc_events")] == ["dbo.Log", "dbo.Log"]


def test_a_queue_that_is_missing_ends_the_run_before_it_begins(bus: ServiceBus, output: Output) -> None:
    with pytest.raises(ProviderError, match="`Invoices_cdc_events` does not exist") as caught:
        output(streams=[Stream("Invoices", "dbo")])
    assert "dstream init" in caught.value.hint


def test_a_key_that_is_not_known_ends_the_run_before_it_begins(bus: ServiceBus, output: Output) -> None:
    wrong = bus.connection_string.replace(bus.keys.secret, "bm90IHRoZSBrZXk=")
    with pytest.raises(ProviderError, match="may not be written to") as caught:
        output(connection_string=wrong)
    assert "Send" in caught.value.hint
    assert "bm90IHRoZSBrZXk" not in str(caught.value)


def test_more_queues_than_connections_are_kept_take_turns(bus: ServiceBus, output: Output) -> None:
    tables = [f"T{number}" for number in range(5)]
    for table in tables:
        bus.create(f"{table}_cdc_events")
    provider = output(streams=[], parallelism=3)
    provider._writing._most_open = 2
    connect, open_ = provider._writing._connect, list[int]()

    def counted(route: Route) -> QueueWriter:
        writer = connect(route)
        write = writer.write

        def writing(messages: Sequence[Outgoing]) -> list[Rejection]:
            open_.append(len(provider._writing._writers))
            return write(messages)

        writer.write = writing  # type: ignore[method-assign]
        return writer

    provider._writing._connect = counted
    for round_ in range(2):
        provider.write([change(round_, table) for table in tables])
    assert all(sent(bus, f"{table}_cdc_events") == [0, 1] for table in tables)
    assert len(open_) == 10
    assert max(open_) == 2


def test_a_queue_that_fails_ends_the_run_without_a_try_at_each_of_the_others(bus: ServiceBus, output: Output) -> None:
    provider = output(streams=[], parallelism=1, retry_timeout="1s")
    tables = [f"T{number}" for number in range(9)]
    for table in tables:
        bus.create(f"{table}_cdc_events")
    bus.faults.busy(600)
    with pytest.raises(ProviderError, match=r"`T0_cdc_events` could not be written to for 1 s"):
        provider.write([change(1, table) for table in tables])
    assert sum(writer._sender is not None for writer in provider._writing._writers.values()) <= 2
