"""Sessions: an order for each key, and one receiver at a time for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusMessage
from azure.servicebus.exceptions import (
    MessageLockLostError,
    OperationTimeoutError,
    ServiceBusError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)

from tests.integration.servers.servicebus.conftest import messaging

if TYPE_CHECKING:
    from azure.servicebus import ServiceBusClient, ServiceBusReceiver

    from tests.servers.servicebus import ServiceBus

WAIT_S = 60


@pytest.fixture(autouse=True)
def _queue(bus: ServiceBus) -> None:
    bus.create("q", RequiresSession="true", LockDuration="PT1M", MaxDeliveryCount="2")


def send(client: ServiceBusClient, *messages: tuple[str | None, str]) -> None:
    with client.get_queue_sender("q") as sender:
        sender.send_messages([ServiceBusMessage(body, session_id=session) for session, body in messages])


def take(receiver: ServiceBusReceiver, count: int) -> list[str]:
    found: list[str] = []
    while len(found) < count and (got := receiver.receive_messages(count - len(found), max_wait_time=WAIT_S)):
        found += [str(message) for message in got]
    return found


def test_a_receiver_gets_its_session_in_order_and_nothing_else(client: ServiceBusClient) -> None:
    send(client, ("a", "a1"), ("b", "b1"), ("a", "a2"), ("b", "b2"))
    with client.get_queue_receiver("q", session_id="b") as receiver:
        assert take(receiver, 2) == ["b1", "b2"]
        assert receiver.session.session_id == "b"
        assert receiver.receive_messages(1, max_wait_time=1) == []


def test_sessions_are_handed_out_one_after_the_other(client: ServiceBusClient) -> None:
    send(client, ("a", "a1"), ("b", "b1"))
    with (
        client.get_queue_receiver("q", session_id=NEXT_AVAILABLE_SESSION) as one,
        client.get_queue_receiver("q", session_id=NEXT_AVAILABLE_SESSION) as other,
    ):
        assert {(r.session.session_id, *take(r, 1)) for r in (one, other)} == {("a", "a1"), ("b", "b1")}


def test_a_session_that_is_taken_cannot_be_taken(bus: ServiceBus) -> None:
    with (
        messaging(bus.connection_string, retry_total=0) as client,
        client.get_queue_receiver("q", session_id="a"),
        pytest.raises(SessionCannotBeLockedError),
        client.get_queue_receiver("q", session_id="a"),
    ):
        pass


def test_no_session_with_messages_is_a_timeout(bus: ServiceBus) -> None:
    with (
        messaging(bus.connection_string, retry_total=0) as client,
        pytest.raises(OperationTimeoutError),
        client.get_queue_receiver("q", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=1),
    ):
        pass


def test_what_a_closed_session_did_not_settle_comes_again_as_if_new(bus: ServiceBus, client: ServiceBusClient) -> None:
    send(client, ("a", "a1"), ("a", "a2"))
    for _ in range(3):
        with client.get_queue_receiver("q", session_id="a") as receiver:
            assert take(receiver, 2) == ["a1", "a2"]
    assert [message.deliveries for message in bus.received("q")] == [0, 0]


def test_a_session_lock_that_ends_counts_as_a_try(bus: ServiceBus, client: ServiceBusClient) -> None:
    send(client, ("a", "a1"))
    with client.get_queue_receiver("q", session_id="a") as receiver:
        (message,) = receiver.receive_messages(1, max_wait_time=WAIT_S)
        bus.advance(61)
        with pytest.raises((MessageLockLostError, SessionLockLostError)):  # which one, depends on who is faster
            receiver.complete_message(message)
    assert [message.deliveries for message in bus.received("q")] == [1]


def test_a_renewed_session_stays(bus: ServiceBus, client: ServiceBusClient) -> None:
    send(client, ("a", "a1"))
    with client.get_queue_receiver("q", session_id="a") as receiver:
        (message,) = receiver.receive_messages(1, max_wait_time=WAIT_S)
        bus.advance(40)
        receiver.session.renew_lock()
        bus.advance(40)
        receiver.complete_message(message)
    assert bus.received("q") == []


def test_a_session_has_a_state(client: ServiceBusClient) -> None:
    send(client, ("a", "a1"))
    with client.get_queue_receiver("q", session_id="a") as receiver:
        assert receiver.session.get_state() is None
        receiver.session.set_state("halfway")
    with client.get_queue_receiver("q", session_id="a") as receiver:
        assert receiver.session.get_state() == b"halfway"


def test_a_message_without_a_session_is_refused(bus: ServiceBus, client: ServiceBusClient) -> None:
    with pytest.raises(ServiceBusError, match="SessionId"):
        send(client, ("a", "a1"), (None, "lost"))
    assert bus.received("q") == []


def test_a_receiver_without_a_session_is_refused(client: ServiceBusClient) -> None:
    with pytest.raises(ServiceBusError, match="sessions"), client.get_queue_receiver("q") as receiver:
        receiver.receive_messages(1, max_wait_time=1)


def test_a_queue_without_sessions_has_none_to_receive(bus: ServiceBus, client: ServiceBusClient) -> None:
    bus.create("plain")
    with pytest.raises(ServiceBusError, match="sessions"), client.get_queue_receiver("plain", session_id="a"):
        pass
