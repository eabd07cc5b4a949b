"""Messages as the official client sends, receives and settles them."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceiveMode, ServiceBusSubQueue
from azure.servicebus.exceptions import (
    MessageLockLostError,
    MessageSizeExceededError,
    MessagingEntityDisabledError,
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusError,
    ServiceBusQuotaExceededError,
)

from tests.integration.servers.servicebus.conftest import messaging
from tests.servers.servicebus import ServiceBus

if TYPE_CHECKING:
    from azure.servicebus import ServiceBusClient, ServiceBusReceivedMessage
    from azure.servicebus.management import ServiceBusAdministrationClient

WAIT_S = 60


def send(client: ServiceBusClient, queue: str, *messages: ServiceBusMessage | str) -> None:
    with client.get_queue_sender(queue) as sender:
        sender.send_messages(
            [one if isinstance(one, ServiceBusMessage) else ServiceBusMessage(one) for one in messages]
        )


def bodies(messages: list[ServiceBusReceivedMessage]) -> list[str]:
    return [str(message) for message in messages]


def test_a_batch_is_its_messages_in_their_order_with_all_they_carry(bus: ServiceBus, client: ServiceBusClient) -> None:
    bus.create("q")
    with client.get_queue_sender("q") as sender:
        batch = sender.create_message_batch()
        for number in range(50):
            batch.add_message(
                ServiceBusMessage(
                    b"body %d" % number,
                    message_id=f"id{number}",
                    subject="Orders",
                    content_type="application/json",
                    correlation_id="run-1",
                    application_properties={"n": number, "op": "insert", "ratio": 0.5},
                    time_to_live=timedelta(hours=1),
                )
            )
        sender.send_messages(batch)
    assert bus.counts()["transfers"] == 1
    seen = bus.received("q")
    assert [message.number for message in seen] == list(range(1, 51))
    assert [message.message_id for message in seen] == [f"id{number}" for number in range(50)]
    one = seen[7]
    assert (one.body, one.subject, one.content_type, one.correlation_id) == (
        b"body 7",
        "Orders",
        "application/json",
        "run-1",
    )
    assert one.properties == {"n": 7, "op": "insert", "ratio": 0.5}
    assert one.time_to_live_s == 3600
    with client.get_queue_receiver("q") as receiver:
        received = receiver.receive_messages(50, max_wait_time=WAIT_S)
    assert bodies(received) == [f"body {number}" for number in range(50)]
    assert (received[7].sequence_number, received[7].delivery_count) == (8, 0)
    assert received[7].application_properties == {b"n": 7, b"op": b"insert", b"ratio": 0.5}
    assert received[7].time_to_live == timedelta(hours=1)


def test_each_way_to_settle_a_message_has_its_effect(bus: ServiceBus, client: ServiceBusClient) -> None:
    bus.create("q")
    send(client, "q", "complete", "abandon", "bury", "defer")
    with client.get_queue_receiver("q") as receiver:
        taken = {str(message): message for message in receiver.receive_messages(4, max_wait_time=WAIT_S)}
        receiver.complete_message(taken["complete"])
        receiver.abandon_message(taken["abandon"])
        receiver.dead_letter_message(taken["bury"], reason="odd", error_description="very")
        receiver.defer_message(taken["defer"])
        (again,) = receiver.receive_messages(4, max_wait_time=WAIT_S)
        assert (str(again), again.delivery_count) == ("abandon", 1)
        receiver.renew_message_lock(again)
        receiver.complete_message(again)
        (deferred,) = receiver.receive_deferred_messages([taken["defer"].sequence_number or 0])
        assert str(deferred) == "defer"
        receiver.complete_message(deferred)
    assert bus.received("q") == []
    with client.get_queue_receiver("q", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver:
        (buried,) = receiver.receive_messages(4, max_wait_time=WAIT_S)
        assert (buried.dead_letter_reason, buried.dead_letter_error_description) == ("odd", "very")
        receiver.complete_message(buried)


def test_a_lock_ends_and_what_is_tried_too_often_is_buried(bus: ServiceBus, client: ServiceBusClient) -> None:
    bus.create("q", LockDuration="PT5M", MaxDeliveryCount="2")
    send(client, "q", "x")
    with client.get_queue_receiver("q") as receiver:
        (first,) = receiver.receive_messages(1, max_wait_time=WAIT_S)
        bus.advance(301)
        (second,) = receiver.receive_messages(1, max_wait_time=WAIT_S)
        assert second.delivery_count == 1
        with pytest.raises(MessageLockLostError):
            receiver.complete_message(first)
        receiver.abandon_message(second)
    (buried,) = bus.received("q/$DeadLetterQueue")
    assert (buried.body, buried.dead_letter_reason) == (b"x", "MaxDeliveryCountExceeded")


def test_what_is_received_and_deleted_is_gone(bus: ServiceBus, client: ServiceBusClient) -> None:
    bus.create("q")
    send(client, "q", "a", "b")
    with client.get_queue_receiver("q", receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE) as receiver:
        assert bodies(receiver.peek_messages(10)) == ["a", "b"]
        assert bodies(receiver.receive_messages(2, max_wait_time=WAIT_S)) == ["a", "b"]
        assert receiver.peek_messages(10) == []


def test_a_scheduled_message_comes_when_it_is_due(bus: ServiceBus, client: ServiceBusClient) -> None:
    bus.create("q")
    with client.get_queue_sender("q") as sender, client.get_queue_receiver("q") as receiver:
        due = datetime.now(UTC) + timedelta(hours=1)
        (never,) = sender.schedule_messages(ServiceBusMessage("never"), due)
        sender.schedule_messages([ServiceBusMessage("later"), ServiceBusMessage("later still")], due)
        sender.cancel_scheduled_messages(never)
        sender.send_messages(ServiceBusMessage("now"))
        assert bodies(receiver.receive_messages(3, max_wait_time=WAIT_S)) == ["now"]
        assert receiver.receive_messages(3, max_wait_time=1) == []
        bus.advance(3600)
        assert bodies(receiver.receive_messages(2, max_wait_time=WAIT_S)) == ["later", "later still"]


@pytest.mark.parametrize("bury", ["true", "false"])
def test_a_message_lives_as_long_as_itself_or_its_queue_says(
    bus: ServiceBus, client: ServiceBusClient, bury: str
) -> None:
    bus.create("q", DefaultMessageTimeToLive="PT1H", DeadLetteringOnMessageExpiration=bury)
    send(client, "q", ServiceBusMessage("short", time_to_live=timedelta(minutes=1)), "long")
    bus.advance(61)
    assert [message.body for message in bus.received("q")] == [b"long"]
    bus.advance(3600)
    assert bus.received("q") == []
    buried = [(message.body, message.dead_letter_reason) for message in bus.received("q/$DeadLetterQueue")]
    assert buried == ([(b"short", "TTLExpiredException"), (b"long", "TTLExpiredException")] if bury == "true" else [])


def test_an_id_is_taken_once_within_the_window(bus: ServiceBus, client: ServiceBusClient) -> None:
    bus.create("q", RequiresDuplicateDetection="true", DuplicateDetectionHistoryTimeWindow="PT1M")
    for _ in range(2):
        send(client, "q", *(ServiceBusMessage("x", message_id=f"id{number}") for number in range(3)), "without id")
    ids = [message.message_id for message in bus.received("q")]
    assert [one for one in ids if one in ("id0", "id1", "id2")] == ["id0", "id1", "id2"]
    assert bus.counts()["duplicates"] == 3
    bus.advance(61)
    send(client, "q", ServiceBusMessage("x", message_id="id0"))
    assert [message.message_id for message in bus.received("q")].count("id0") == 2


def test_an_id_taken_again_is_taken_where_duplicates_are_not_looked_for(
    bus: ServiceBus, client: ServiceBusClient
) -> None:
    bus.create("q")
    for _ in range(2):
        send(client, "q", ServiceBusMessage("x", message_id="id0"))
    assert len(bus.received("q")) == 2


def test_a_message_larger_than_256_kib_is_refused_and_the_link_goes_on(
    bus: ServiceBus, client: ServiceBusClient
) -> None:
    bus.create("q")
    with client.get_queue_sender("q") as sender:
        sender.send_messages(ServiceBusMessage(b"x" * 262_000))
        with pytest.raises(MessageSizeExceededError):
            sender.send_messages(ServiceBusMessage(b"x" * 262_144))
        sender.send_messages(ServiceBusMessage("small"))
    assert len(bus.received("q")) == 2


def test_properties_have_64_kib_in_all(bus: ServiceBus, client: ServiceBusClient) -> None:
    bus.create("q")
    with client.get_queue_sender("q") as sender:
        sender.send_messages(ServiceBusMessage("x", application_properties={"a": "x" * 32_000, "b": "x" * 32_000}))
        with pytest.raises(ServiceBusError, match="properties"):
            sender.send_messages(ServiceBusMessage("x", application_properties={"a": "x" * 32_000, "b": "x" * 34_000}))
    assert len(bus.received("q")) == 1


@pytest.mark.parametrize("counted", [True, False])
def test_what_is_around_a_full_batch_counts_if_it_is_told_to(*, counted: bool) -> None:
    with ServiceBus(whole_envelopes=counted) as bus, messaging(bus.connection_string) as client:
        bus.create("q")
        with client.get_queue_sender("q") as sender:
            probe = sender.create_message_batch()
            probe.add_message(ServiceBusMessage(b"x" * 200_000))
            batch = sender.create_message_batch()
            batch.add_message(ServiceBusMessage("x", message_id="x" * 128))
            room = batch.max_size_in_bytes - batch.size_in_bytes - (probe.size_in_bytes - 200_000)
            batch.add_message(ServiceBusMessage(b"x" * room))
            with pytest.raises(MessageSizeExceededError) if counted else nullcontext():
                sender.send_messages(batch)
        assert len(bus.received("q")) == (0 if counted else 2)


def test_a_batch_that_the_client_calls_full_is_taken(bus: ServiceBus, client: ServiceBusClient) -> None:
    bus.create("q")
    with client.get_queue_sender("q") as sender:
        batch = sender.create_message_batch()
        for number in range(1000):
            try:
                batch.add_message(ServiceBusMessage(b"x" * 1000, message_id=f"{number:0128}"))
            except MessageSizeExceededError:
                break
        sender.send_messages(batch)
    assert 200 < len(batch) == len(bus.received("q")) < 1000


def test_a_full_queue_takes_none_of_a_batch(bus: ServiceBus, client: ServiceBusClient) -> None:
    bus.create("q")
    bus.limit("q", 10_000)
    with client.get_queue_sender("q") as sender:
        with pytest.raises(ServiceBusQuotaExceededError):
            sender.send_messages([ServiceBusMessage(b"x" * 1000) for _ in range(10)])
        assert bus.received("q") == []
        bus.limit("q", None)
        sender.send_messages([ServiceBusMessage(b"x" * 1000) for _ in range(10)])
    assert len(bus.received("q")) == 10


def test_a_queue_that_is_not_there_is_missing(bus: ServiceBus, client: ServiceBusClient) -> None:
    with pytest.raises(MessagingEntityNotFoundError):
        send(client, "nowhere", "x")
    with pytest.raises(MessagingEntityNotFoundError), client.get_queue_receiver("nowhere") as receiver:
        receiver.receive_messages(1, max_wait_time=1)


def test_a_queue_deleted_while_it_is_used_is_missing_then(
    bus: ServiceBus, admin: ServiceBusAdministrationClient, client: ServiceBusClient
) -> None:
    bus.create("q")
    with client.get_queue_sender("q") as sender:
        sender.send_messages(ServiceBusMessage("x"))
        admin.delete_queue("q")
        with pytest.raises(MessagingEntityNotFoundError):
            sender.send_messages(ServiceBusMessage("x"))


def test_a_disabled_queue_takes_nothing(bus: ServiceBus) -> None:
    bus.create("q", Status="SendDisabled")
    with messaging(bus.connection_string, retry_total=0) as client, pytest.raises(MessagingEntityDisabledError):
        send(client, "q", "x")


def test_a_wrong_key_sends_nothing(bus: ServiceBus) -> None:
    bus.create("q")
    wrong = bus.connection_string.replace(bus.keys.secret, "bm90IHRoZSBrZXk=")
    with messaging(wrong, retry_total=0) as client, pytest.raises(ServiceBusAuthenticationError):
        send(client, "q", "x")
    assert bus.received("q") == []


def test_two_receivers_share_a_connection(bus: ServiceBus, client: ServiceBusClient) -> None:
    bus.create("q")
    send(client, "q", "a", "b")
    with client.get_queue_receiver("q") as one, client.get_queue_receiver("q") as other:
        (first,) = one.receive_messages(1, max_wait_time=WAIT_S)
        (second,) = other.receive_messages(1, max_wait_time=WAIT_S)
        assert {str(first), str(second)} == {"a", "b"}
        one.renew_message_lock(first)
        other.renew_message_lock(second)
