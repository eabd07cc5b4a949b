"""A task's queues through their life, on Pulumi's engine."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.management import ServiceBusAdministrationClient

from asb_output_provider.infrastructure.marks import Mark
from tests.queues import Queues, actions, resource
from tests.servers.servicebus import ServiceBus

MADE = ["Customers_cdc_events", "Orders_cdc_events", "Persons_cdc_events"]
AUTO = Mark("shop", "mssql-to-asb", auto=True).text()

MakeQueues = Callable[..., Queues]


@pytest.fixture
def queues(tmp_path: Path, pulumi_engine: Path, bus: ServiceBus) -> Iterator[MakeQueues]:
    """Makes tasks; none of them may have written the namespace's key anywhere."""
    made: list[Queues] = []

    def make(**config: Any) -> Queues:
        made.append(Queues(tmp_path, pulumi_engine, **{"connection_string": bus.connection_string, **config}))
        return made[-1]

    yield make
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    said = [text.encode() for task in made for text in task.said]
    assert kept
    assert said
    assert not [text for text in kept + said if bus.keys.secret.encode() in text]


def names(admin: ServiceBusAdministrationClient) -> list[str]:
    return sorted(queue.name for queue in admin.list_queues())


def send(bus: ServiceBus, queue: str) -> None:
    with ServiceBusClient.from_connection_string(bus.connection_string) as client, client.get_queue_sender(queue) as to:
        to.send_messages(ServiceBusMessage("{}"))


def test_a_tasks_queues_are_planned_made_kept_and_removed(
    queues: MakeQueues, admin: ServiceBusAdministrationClient
) -> None:
    admin.create_queue("invoices")
    task = queues()
    assert task.actions("plan") == dict.fromkeys(MADE, "create")
    assert names(admin) == ["invoices"]
    assert task.actions("init") == dict.fromkeys(MADE, "create")
    assert names(admin) == sorted([*MADE, "invoices"])
    assert task.actions("plan") == dict.fromkeys(MADE, "same")

    orders = admin.get_queue("Orders_cdc_events")
    orders.max_delivery_count = 99
    admin.update_queue(orders)
    drifted = resource(task.ask("status"), "Orders_cdc_events")
    assert drifted.detail["drift"] == {"max_delivery_count": [10, 99]}
    planned = resource(task.ask("plan"), "Orders_cdc_events")
    assert (planned.action, planned.detail["changes"]) == ("update", {"max_delivery_count": [99, 10]})

    changed = queues(queue_overrides={"Persons": {"ttl": "336h"}})
    reply = changed.ask("plan")
    assert resource(reply, "Persons_cdc_events").action == "update"
    assert actions(changed.ask("init")) == {
        "Customers_cdc_events": "same",
        "Orders_cdc_events": "update",
        "Persons_cdc_events": "update",
    }
    assert admin.get_queue("Orders_cdc_events").max_delivery_count == 10

    assert changed.actions("plan", destroy=True) == dict.fromkeys(MADE, "delete")
    assert changed.actions("destroy") == dict.fromkeys(MADE, "delete")
    assert names(admin) == ["invoices"]
    assert changed.actions("destroy") == {}


def test_messages_are_not_lost_unless_that_is_allowed(
    queues: MakeQueues, bus: ServiceBus, admin: ServiceBusAdministrationClient
) -> None:
    queues().actions("init")
    send(bus, "Orders_cdc_events")
    fewer = queues(queues={"sessions": True})
    planned = fewer.ask("plan")
    assert actions(planned) == dict.fromkeys(MADE, "replace")
    assert resource(planned, "Orders_cdc_events").detail["data_loss"].startswith("1 message in")
    for command in ("init", "destroy"):
        reply = fewer.ask(command)
        assert reply.status == "Failed"
        assert "Orders_cdc_events" in (reply.error or "")
    assert not any(queue.requires_session for queue in admin.list_queues())
    assert len(bus.received("Orders_cdc_events")) == 1
    assert fewer.actions("init", allow_data_loss=True) == dict.fromkeys(MADE, "replace")
    assert all(queue.requires_session for queue in admin.list_queues())


def test_what_a_run_made_is_shown_taken_over_and_removed(
    queues: MakeQueues, admin: ServiceBusAdministrationClient
) -> None:
    task = queues()
    task.tables = ("Persons",)
    admin.create_queue("Late_cdc_events", user_metadata=AUTO, max_delivery_count=4)
    expected = {"Persons_cdc_events": "create", "Late_cdc_events": "update"}
    assert task.actions("status") == expected
    assert task.actions("init") == expected
    assert task.actions("plan") == {"Persons_cdc_events": "same", "Late_cdc_events": "same"}
    assert admin.get_queue("Late_cdc_events").max_delivery_count == 4
    admin.create_queue("Later_cdc_events", user_metadata=AUTO)
    assert set(task.actions("destroy").values()) == {"delete"}
    assert names(admin) == []


def test_a_state_that_is_lost_loses_no_queue_and_doubles_none(
    queues: MakeQueues, admin: ServiceBusAdministrationClient
) -> None:
    task = queues()
    task.actions("init")
    shutil.rmtree(task.folder)
    assert task.actions("init") == dict.fromkeys(MADE, "update")
    assert task.actions("plan") == dict.fromkeys(MADE, "same")
    shutil.rmtree(task.folder)
    task.actions("destroy")
    assert names(admin) == []


def test_tasks_keep_off_each_others_queues(queues: MakeQueues, admin: ServiceBusAdministrationClient) -> None:
    queues().actions("init")
    refused = queues(task="other").ask("plan")
    assert refused.status == "Failed"
    assert "was made for task `mssql-to-asb`" in (refused.error or "")
    adopting = queues(task="other", adopt=True, queues={"max_delivery_count": 3})
    assert adopting.actions("init") == dict.fromkeys(MADE, "update")
    assert {queue.max_delivery_count for queue in admin.list_queues()} == {3}
    assert adopting.actions("destroy") == dict.fromkeys(MADE, "same")
    assert names(admin) == MADE


def test_an_init_that_fails_says_why_and_the_next_one_goes_on(queues: MakeQueues) -> None:
    with ServiceBus(max_queues=3) as small:
        small.create("invoices")
        task = queues(connection_string=small.connection_string)
        reply = task.ask("init")
        assert reply.status == "Failed"
        assert re.fullmatch(r"queue `\w+_cdc_events`: .*maximum number of resources.*", reply.error or "")
        assert len(small.queues) == 3
        small.delete("invoices")
        assert "create" in task.actions("init").values()
        assert sorted(small.queues) == MADE
