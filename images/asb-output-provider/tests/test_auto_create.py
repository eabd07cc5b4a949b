"""A run that makes the queue of a table which nobody announced."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from asb_output_provider.infrastructure.marks import Mark
from asb_output_provider.provider import AsbOutput
from dstream_sdk import ProviderError
from tests.asb import ORDERS, change, sent
from tests.servers.servicebus import ServiceBus

Output = Callable[..., AsbOutput]
NEW = "Invoices_cdc_events"


def test_it_is_made_as_configured_and_marked_as_the_tasks(bus: ServiceBus, output: Output) -> None:
    provider = output(auto_create=True, queues={"max_delivery_count": 3})
    provider.write([change(1, "Invoices"), change(1)])
    assert (sent(bus, NEW), sent(bus, ORDERS)) == ([1], [1])
    made = bus.queues[NEW]
    assert (made["MaxDeliveryCount"], made["RequiresDuplicateDetection"]) == ("3", "true")
    assert Mark.read(made["UserMetadata"]) == Mark("project", "orders", auto=True)


def test_it_is_made_only_when_it_is_needed(bus: ServiceBus, output: Output) -> None:
    bus.delete(ORDERS)
    provider = output(auto_create=True)
    assert ORDERS not in bus.queues
    provider.write([change(1)])
    assert sent(bus) == [1]


def test_without_auto_create_its_records_end_the_run(bus: ServiceBus, output: Output) -> None:
    with pytest.raises(ProviderError, match=f"`{NEW}` does not exist") as caught:
        output().write([change(1, "Invoices")])
    assert "`auto_create`" in caught.value.hint
    assert NEW not in bus.queues


def test_a_management_that_is_busy_is_waited_for(bus: ServiceBus, output: Output) -> None:
    provider = output(auto_create=True)
    bus.faults.http(503, times=3)
    provider.write([change(1, "Invoices")])
    assert sent(bus, NEW) == [1]


def test_one_that_is_refused_ends_the_run(bus: ServiceBus, output: Output) -> None:
    provider = output(auto_create=True)
    bus.faults.http(403, "there are too many queues", times=100, subcode=40301)
    with pytest.raises(ProviderError, match="too many queues"):
        provider.write([change(1, "Invoices")])
