"""The same queues, made through Azure Resource Manager, in whose place a stand-in for its plugin is attached."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus.management import ServiceBusAdministrationClient

from asb_output_provider.infrastructure.marks import Mark
from tests.queues import PROJECT, Queues
from tests.servers.azure_native import SUBSCRIPTION, AzureNative
from tests.servers.servicebus import ServiceBus

MADE = ["Customers_cdc_events", "Orders_cdc_events", "Persons_cdc_events"]


@pytest.fixture
def plugin(admin: ServiceBusAdministrationClient) -> Iterator[AzureNative]:
    with AzureNative(admin) as plugin:
        yield plugin


def queues(folder: Path, engine: Path, bus: ServiceBus, plugin: AzureNative, **config: Any) -> Queues:
    azure = {"subscription_id": SUBSCRIPTION, "resource_group": "shop"}
    task = Queues(folder, engine, bus.connection_string, azure=azure, **config)
    task.environ |= plugin.environ
    return task


def test_queues_are_made_kept_and_removed_through_azure_resource_manager(
    bus: ServiceBus,
    plugin: AzureNative,
    admin: ServiceBusAdministrationClient,
    pulumi_engine: Path,
    tmp_path: Path,
) -> None:
    bus.create("invoices")
    task = queues(tmp_path, pulumi_engine, bus, plugin)
    assert task.actions("plan") == dict.fromkeys(MADE, "create")
    assert task.actions("init") == dict.fromkeys(MADE, "create")
    assert len(plugin.calls) == len(MADE)
    assert Mark.read(admin.get_queue(MADE[0]).user_metadata) == Mark(PROJECT, task.task, azure=True)

    changed = queues(tmp_path, pulumi_engine, bus, plugin, queue_overrides={"Orders": {"max_delivery_count": 3}})
    assert changed.actions("plan") == {**dict.fromkeys(MADE, "same"), "Orders_cdc_events": "update"}
    changed.actions("init")
    assert admin.get_queue("Orders_cdc_events").max_delivery_count == 3
    bus.delete("Persons_cdc_events")
    assert changed.actions("status") == {**dict.fromkeys(MADE, "same"), "Persons_cdc_events": "create"}

    assert changed.actions("destroy").keys() >= {"Customers_cdc_events", "Orders_cdc_events"}
    assert set(bus.queues) == {"invoices"}


def test_what_is_there_already_comes_to_be_known_as_it_is_and_then_set_up(
    bus: ServiceBus,
    plugin: AzureNative,
    admin: ServiceBusAdministrationClient,
    pulumi_engine: Path,
    tmp_path: Path,
) -> None:
    """One queue of a creation that was cut off, and one that someone else made."""
    task = queues(tmp_path, pulumi_engine, bus, plugin, adopt=True)
    task.tables = ("Orders", "Persons")
    detecting: dict[str, Any] = {"requires_duplicate_detection": True}
    admin.create_queue(
        "Orders_cdc_events",
        user_metadata=Mark(PROJECT, task.task, azure=True).text(),
        max_delivery_count=4,
        **detecting,
    )
    admin.create_queue("Persons_cdc_events", user_metadata="finance", max_delivery_count=4, **detecting)
    expected = {"Orders_cdc_events": "update", "Persons_cdc_events": "update"}
    assert task.actions("plan") == expected
    task.actions("init")
    assert {queue.max_delivery_count for queue in admin.list_queues()} == {10}
    assert task.actions("plan") == dict.fromkeys(expected, "same")
    task.actions("destroy")
    assert set(bus.queues) == {"Persons_cdc_events"}
