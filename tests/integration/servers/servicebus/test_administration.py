"""Queues as the administration client makes, reads, changes and deletes them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.servicebus import ServiceBusMessage
from azure.servicebus.management import AccessRights, AuthorizationRule

from tests.integration.servers.servicebus.conftest import administration

if TYPE_CHECKING:
    from azure.servicebus import ServiceBusClient
    from azure.servicebus.management import ServiceBusAdministrationClient

    from tests.servers.servicebus import ServiceBus

PROPERTIES: dict[str, Any] = {
    "auto_delete_on_idle": timedelta(hours=5),
    "dead_lettering_on_message_expiration": True,
    "default_message_time_to_live": timedelta(days=14),
    "duplicate_detection_history_time_window": timedelta(minutes=5),
    "enable_batched_operations": False,
    "enable_express": True,
    "enable_partitioning": True,
    "lock_duration": timedelta(seconds=90),
    "max_delivery_count": 7,
    "max_size_in_megabytes": 2048,
    "requires_duplicate_detection": True,
    "requires_session": True,
    "status": "SendDisabled",
    "user_metadata": '{"project": "p", "task": "naïve & <odd>"}',
}


def test_every_property_is_kept_as_it_was_given(bus: ServiceBus, admin: ServiceBusAdministrationClient) -> None:
    rule = AuthorizationRule(
        type="SharedAccessAuthorizationRule",
        claim_type="SharedAccessKey",
        claim_value="None",
        rights=[AccessRights.SEND],
        key_name="sender",
        primary_key="Zmlyc3Q=",
        secondary_key="c2Vjb25k",
    )
    admin.create_queue("Orders_cdc_events", authorization_rules=[rule], forward_to="another", **PROPERTIES)
    found = admin.get_queue("Orders_cdc_events")
    assert {name: getattr(found, name) for name in PROPERTIES} == PROPERTIES
    assert found.availability_status == "Available"
    assert found.forward_to == f"sb://{bus.host}:{bus.port}/another"
    assert [(rule.key_name, rule.rights, rule.primary_key) for rule in found.authorization_rules or ()] == [
        ("sender", [AccessRights.SEND], "Zmlyc3Q=")
    ]


def test_what_is_not_given_is_what_the_service_defaults_to(admin: ServiceBusAdministrationClient) -> None:
    found = admin.create_queue("q")
    assert (found.lock_duration, found.max_delivery_count, found.max_size_in_megabytes) == (
        timedelta(minutes=1),
        10,
        1024,
    )
    assert found.duplicate_detection_history_time_window == timedelta(minutes=10)
    assert found.default_message_time_to_live == timedelta(10675199, 2 * 3600 + 48 * 60 + 5, 477581)
    assert (found.requires_session, found.requires_duplicate_detection, found.user_metadata) == (False, False, None)


def test_a_change_keeps_the_rest(admin: ServiceBusAdministrationClient) -> None:
    admin.create_queue("q", user_metadata="mine", max_delivery_count=3)
    found = admin.get_queue("q")
    found.max_delivery_count = 4
    admin.update_queue(found)
    found = admin.get_queue("q")
    assert (found.max_delivery_count, found.user_metadata) == (4, "mine")


@pytest.mark.parametrize(
    ("name", "value"),
    [("requires_duplicate_detection", True), ("requires_session", True), ("enable_partitioning", True)],
)
def test_what_is_decided_at_creation_cannot_be_changed(
    admin: ServiceBusAdministrationClient, name: str, value: object
) -> None:
    found = admin.create_queue("q")
    setattr(found, name, value)
    with pytest.raises(HttpResponseError, match="cannot be changed"):
        admin.update_queue(found)


@pytest.mark.parametrize(
    "properties",
    [
        {"lock_duration": "PT5M1S"},
        {"max_size_in_megabytes": 1000},
        {"max_delivery_count": 0},
        {"duplicate_detection_history_time_window": "PT19S"},
        {"duplicate_detection_history_time_window": "P7DT1S"},
        {"auto_delete_on_idle": "PT4M59S"},
        {"user_metadata": "x" * 1025},
        {"default_message_time_to_live": "PT0S"},
        {"max_message_size_in_kilobytes": 1024},
    ],
)
def test_a_property_out_of_range_is_refused(admin: ServiceBusAdministrationClient, properties: dict[str, Any]) -> None:
    with pytest.raises(HttpResponseError) as refused:
        admin.create_queue("q", **properties)
    assert refused.value.status_code == 400
    assert [queue.name for queue in admin.list_queues()] == []


@pytest.mark.parametrize("name", ["a b", "a#b", ".a", "a-", "ä", "x" * 261])
def test_a_name_that_the_service_does_not_take_is_refused(admin: ServiceBusAdministrationClient, name: str) -> None:
    with pytest.raises(HttpResponseError) as refused:
        admin.create_queue(name)
    assert refused.value.status_code == 400


def test_names_differ_by_more_than_case(admin: ServiceBusAdministrationClient) -> None:
    admin.create_queue("dbo.Orders/events_1-a")
    with pytest.raises(ResourceExistsError):
        admin.create_queue("DBO.orders/events_1-A")
    assert admin.get_queue("DBO.ORDERS/events_1-a").lock_duration == timedelta(minutes=1)
    assert [queue.name for queue in admin.list_queues()] == ["dbo.Orders/events_1-a"]


def test_what_is_deleted_is_missing(admin: ServiceBusAdministrationClient) -> None:
    admin.create_queue("q")
    admin.delete_queue("q")
    for ask in (admin.delete_queue, admin.get_queue, admin.get_queue_runtime_properties):
        with pytest.raises(ResourceNotFoundError):
            ask("q")


def test_many_queues_are_listed_page_by_page(bus: ServiceBus, admin: ServiceBusAdministrationClient) -> None:
    for number in range(250):
        bus.create(f"q{number:03}")
    assert [queue.name for queue in admin.list_queues()] == [f"q{number:03}" for number in range(250)]
    assert bus.counts()["requests"] == 3


def test_counts_follow_the_messages(
    bus: ServiceBus, admin: ServiceBusAdministrationClient, client: ServiceBusClient
) -> None:
    bus.create("q")
    with client.get_queue_sender("q") as sender, client.get_queue_receiver("q") as receiver:
        sender.send_messages([ServiceBusMessage("dead"), ServiceBusMessage("alive")])
        (first,) = receiver.receive_messages(1, max_wait_time=10)
        receiver.dead_letter_message(first)
    counts = admin.get_queue_runtime_properties("q")
    assert (counts.active_message_count, counts.dead_letter_message_count, counts.total_message_count) == (1, 1, 2)
    assert counts.size_in_bytes is not None
    assert counts.size_in_bytes > len("alive")


def test_a_full_namespace_takes_no_more_queues(bus: ServiceBus) -> None:
    with type(bus)(max_queues=1) as small, administration(small.connection_string) as admin:
        admin.create_queue("one")
        with pytest.raises(HttpResponseError) as refused:
            admin.create_queue("two")
        assert refused.value.status_code == 403


def test_a_wrong_key_opens_nothing(bus: ServiceBus) -> None:
    wrong = bus.connection_string.replace(bus.keys.secret, "bm90IHRoZSBrZXk=")
    with administration(wrong) as admin, pytest.raises(ClientAuthenticationError, match="InvalidSignature"):
        admin.get_queue("q")


def test_throttled_requests_are_tried_again_by_the_client(
    bus: ServiceBus, admin: ServiceBusAdministrationClient
) -> None:
    bus.faults.http(429, "The request was terminated because the namespace is being throttled.", subcode=50004)
    assert list(admin.list_queues()) == []
    assert bus.counts()["requests"] == 2
