"""The stand-in for azure-native, on Pulumi's engine and a Service Bus namespace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus.management import ServiceBusAdministrationClient

from asb_output_provider.admin import open_admin
from asb_output_provider.config import AsbConfig
from tests.filetask import FileTask, actions, detail
from tests.servers.azure_native import AzureNative
from tests.servers.servicebus import ServiceBus

SETTINGS = {"maxDeliveryCount": 5, "lockDuration": "PT1M", "requiresDuplicateDetection": False}


class QueueTask(FileTask):
    module = "tests.fakes.pulumi.arm_queues"


@pytest.fixture
def admin() -> Iterator[ServiceBusAdministrationClient]:
    with ServiceBus() as bus:
        config = AsbConfig.model_validate({"connection_string": bus.connection_string})
        with open_admin(config) as admin:
            yield admin


@pytest.fixture
def plugin(admin: ServiceBusAdministrationClient) -> Iterator[AzureNative]:
    with AzureNative(admin) as plugin:
        yield plugin


@pytest.fixture
def task(tmp_path: Path, pulumi_engine: Path, plugin: AzureNative) -> QueueTask:
    task = QueueTask(tmp_path, pulumi_engine)
    task.environ |= plugin.environ
    del task.config["far"]
    return task


def test_queues_are_made_changed_replaced_found_drifted_and_removed(
    task: QueueTask, admin: ServiceBusAdministrationClient, plugin: AzureNative
) -> None:
    def queues(**queues: dict[str, Any]) -> None:
        task.config["queues"] = queues

    queues(orders=SETTINGS, items=SETTINGS)
    assert actions(task.do("init")) == {"items": "create", "orders": "create"}
    assert sorted(plugin.calls) == [("create", "items"), ("create", "orders")]
    assert admin.get_queue("orders").max_delivery_count == 5

    admin.delete_queue("items")
    queues(orders={**SETTINGS, "lockDuration": "PT60S", "maxDeliveryCount": 7}, items=SETTINGS)
    planned = task.do("plan")
    assert actions(planned) == {"items": "create", "orders": "update"}
    assert detail(planned, "orders")["changes"]["maxDeliveryCount"] == [5, 7]
    assert detail(planned, "items")["drift"] == {"exists": [True, False]}

    queues(orders={**SETTINGS, "requiresDuplicateDetection": True})
    assert actions(task.do("init")) == {"orders": "replace"}
    assert admin.get_queue("orders").requires_duplicate_detection
    assert detail(task.do("status"), "orders") == {}

    assert actions(task.do("destroy")) == {"orders": "delete"}
    assert list(admin.list_queues()) == []


def test_a_queue_that_is_there_is_refused_and_an_unknown_property_too(
    task: QueueTask, admin: ServiceBusAdministrationClient
) -> None:
    admin.create_queue("orders")
    task.config["queues"] = {"orders": {}}
    assert "cannot create already existing resource" in (task.do("init").error or "")
    task.config["queues"] = {"orders": {"lockDurations": "PT1M"}}
    assert "no such property" in (task.do("plan").error or "")
