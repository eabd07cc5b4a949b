"""What a test lets go wrong, as the official client takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import (
    OperationTimeoutError,
    ServiceBusConnectionError,
    ServiceBusError,
    ServiceBusQuotaExceededError,
    ServiceBusServerBusyError,
)

from tests.integration.servers.servicebus.conftest import LEAVES_SOCKETS, messaging
from tests.servers.servicebus import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.servicebus import ServiceBusClient, ServiceBusSender

    from tests.servers.servicebus import ServiceBus

pytestmark = LEAVES_SOCKETS
MESSAGE = ServiceBusMessage("x")


@pytest.fixture
def sender(bus: ServiceBus, client: ServiceBusClient) -> Iterator[ServiceBusSender]:
    """One that has sent a message."""
    bus.create("q")
    with client.get_queue_sender("q") as opened:
        opened.send_messages(MESSAGE)
        yield opened


@pytest.fixture
def impatient(bus: ServiceBus) -> Iterator[ServiceBusSender]:
    """One that tries once."""
    bus.create("q")
    with messaging(bus.connection_string, retry_total=0) as client, client.get_queue_sender("q") as opened:
        opened.send_messages(MESSAGE)
        yield opened


@pytest.mark.parametrize(
    ("condition", "error"),
    [
        (errors.BUSY, ServiceBusServerBusyError),
        (errors.FULL, ServiceBusQuotaExceededError),
        (errors.TIMEOUT, OperationTimeoutError),
        ("amqp:internal-error", ServiceBusError),
    ],
)
def test_a_refused_transfer_is_the_error_that_it_says_and_stores_nothing(
    bus: ServiceBus, impatient: ServiceBusSender, condition: str, error: type[Exception]
) -> None:
    bus.faults.refuse("q", condition)
    with pytest.raises(error):
        impatient.send_messages(MESSAGE)
    assert len(bus.received("q")) == 1
    impatient.send_messages(MESSAGE)
    assert len(bus.received("q")) == 2


def test_a_client_tries_again_what_was_refused_for_now(bus: ServiceBus, sender: ServiceBusSender) -> None:
    bus.faults.refuse("q", errors.TIMEOUT)
    sender.send_messages(MESSAGE)
    assert (len(bus.received("q")), bus.counts()["transfers"]) == (2, 3)


def test_a_busy_namespace_is_busy_until_its_time_is_over(bus: ServiceBus, impatient: ServiceBusSender) -> None:
    bus.faults.busy(3600)
    for _ in range(3):
        with pytest.raises(ServiceBusServerBusyError):
            impatient.send_messages(MESSAGE)
    bus.faults.clear()
    impatient.send_messages(MESSAGE)
    bus.faults.busy(3600, "another")
    bus.faults.busy(0)
    impatient.send_messages(MESSAGE)
    assert len(bus.received("q")) == 3


def test_a_detached_link_is_attached_again(bus: ServiceBus, sender: ServiceBusSender) -> None:
    bus.faults.detach("q")
    sender.send_messages(MESSAGE)
    assert len(bus.received("q")) == 2


def test_a_dropped_connection_is_made_again(bus: ServiceBus, sender: ServiceBusSender) -> None:
    bus.faults.drop("q")
    sender.send_messages(MESSAGE)
    assert (len(bus.received("q")), bus.counts()["connections"]) == (2, 2)


def test_a_connection_dropped_after_storing_makes_the_client_send_twice(
    bus: ServiceBus, sender: ServiceBusSender
) -> None:
    bus.faults.drop("q", stored=True)
    sender.send_messages(MESSAGE)
    assert len(bus.received("q")) == 3


@pytest.mark.parametrize("politely", [True, False])
def test_connections_that_the_service_ends_are_made_again(
    bus: ServiceBus, sender: ServiceBusSender, *, politely: bool
) -> None:
    bus.drop_connections(politely=politely)
    sender.send_messages(MESSAGE)
    assert len(bus.received("q")) == 2


def test_connections_can_be_dropped_again_and_again(bus: ServiceBus, sender: ServiceBusSender) -> None:
    with bus.dropping(every_s=0.05):
        while bus.counts()["drops"] < 3:
            pass
    drops = bus.counts()["drops"]
    sender.send_messages(MESSAGE)
    assert (bus.counts()["drops"], len(bus.received("q"))) == (drops, 2)


def test_a_stopped_server_is_not_there_and_comes_back_with_all_it_had(
    bus: ServiceBus, sender: ServiceBusSender
) -> None:
    bus.stop()
    with messaging(bus.connection_string, retry_total=0) as other, pytest.raises(ServiceBusConnectionError):
        other.get_queue_sender("q").send_messages(MESSAGE)
    bus.start()
    sender.send_messages(MESSAGE)
    assert len(bus.received("q")) == 2
