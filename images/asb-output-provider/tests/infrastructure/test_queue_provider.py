import os
from datetime import timedelta
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.management import ServiceBusAdministrationClient
from pulumi import dynamic
from pydantic import SecretStr

from asb_output_provider.config import AsbConfig
from asb_output_provider.infrastructure.access import Access
from asb_output_provider.infrastructure.marks import Mark
from asb_output_provider.infrastructure.queue_provider import QueueProvider
from asb_output_provider.infrastructure.queues import wanted_properties
from asb_output_provider.infrastructure.removing import QueueRefused

OWNER = Mark("project", "task")
ORDERS = "Orders_cdc_events"


@pytest.fixture
def provider(config: AsbConfig, monkeypatch: pytest.MonkeyPatch) -> QueueProvider:
    return provider_of(Access(config, OWNER), monkeypatch)


def provider_of(access: Access, monkeypatch: pytest.MonkeyPatch) -> QueueProvider:
    for name, value in access.environment().items():
        monkeypatch.setenv(name, value.get_secret_value() if isinstance(value, SecretStr) else value)
    provider = QueueProvider()
    provider.configure(dynamic.ConfigureRequest(dynamic.Config({}, "dstream")))
    return provider


def inputs(config: AsbConfig, *, ours: bool = True, **changed: Any) -> dict[str, Any]:
    """As Pulumi hands them over: every number a double."""
    props = {**wanted_properties(config.queues), "user_metadata": OWNER.text(), **changed}
    numbers = {name: float(value) for name, value in props.items() if type(value) is int}
    return {**props, **numbers, "name": ORDERS, "ours": ours}


def fill(config: AsbConfig, queue: str) -> None:
    assert config.connection_string is not None
    with (
        ServiceBusClient.from_connection_string(config.connection_string.get_secret_value()) as client,
        client.get_queue_sender(queue) as sender,
    ):
        sender.send_messages(ServiceBusMessage("{}"))


def test_a_queue_is_made_as_asked_with_its_mark(
    provider: QueueProvider, config: AsbConfig, admin: ServiceBusAdministrationClient
) -> None:
    made = provider.create(inputs(config, max_delivery_count=3, lock_duration="PT30S"))
    queue = admin.get_queue(ORDERS)
    assert (made.id, queue.max_delivery_count, queue.lock_duration) == (ORDERS, 3, timedelta(seconds=30))
    assert queue.requires_duplicate_detection
    assert Mark.read(queue.user_metadata) == OWNER
    again = provider.diff(made.id, made.outs or {}, inputs(config, max_delivery_count=3, lock_duration="PT30S"))
    assert not again.changes


def test_outside_changes_are_found_and_taken_back(
    provider: QueueProvider, config: AsbConfig, admin: ServiceBusAdministrationClient
) -> None:
    provider.create(inputs(config))
    queue = admin.get_queue(ORDERS)
    queue.max_delivery_count = 99
    admin.update_queue(queue)
    found = provider.read(ORDERS, inputs(config))
    assert found.outs is not None
    difference = provider.diff(ORDERS, found.outs, inputs(config))
    assert (difference.changes, difference.replaces) == (True, [])
    updated = provider.update(ORDERS, found.outs, inputs(config))
    assert updated.outs is not None
    assert updated.outs["max_delivery_count"] == 10
    assert not provider.diff(ORDERS, updated.outs, inputs(config)).changes


def test_what_a_queue_keeps_for_good_makes_another_queue(provider: QueueProvider, config: AsbConfig) -> None:
    made = provider.create(inputs(config))
    difference = provider.diff(made.id, made.outs or {}, inputs(config, requires_session=True))
    assert (difference.replaces, difference.delete_before_replace) == (["requires_session"], True)


def test_a_queue_that_is_gone_has_no_id(provider: QueueProvider, config: AsbConfig) -> None:
    assert provider.read(ORDERS, inputs(config)).id is None


def test_a_queue_whose_making_was_cut_off_is_taken_over_and_set_right(
    provider: QueueProvider, config: AsbConfig, admin: ServiceBusAdministrationClient
) -> None:
    admin.create_queue(ORDERS, requires_duplicate_detection=True, max_delivery_count=2, user_metadata=OWNER.text())
    provider.create(inputs(config))
    assert admin.get_queue(ORDERS).max_delivery_count == 10


def test_a_queue_of_ours_that_cannot_be_changed_is_made_anew(
    provider: QueueProvider, config: AsbConfig, admin: ServiceBusAdministrationClient
) -> None:
    admin.create_queue(ORDERS, user_metadata=OWNER.text())
    provider.create(inputs(config))
    assert admin.get_queue(ORDERS).requires_duplicate_detection


@pytest.mark.parametrize("mark", [None, Mark("project", "other").text(), Mark("other", "task").text(), "finance"])
def test_a_queue_of_someone_else_is_neither_taken_nor_deleted(
    provider: QueueProvider, config: AsbConfig, admin: ServiceBusAdministrationClient, mark: str | None
) -> None:
    admin.create_queue(ORDERS, requires_duplicate_detection=True, max_delivery_count=2, user_metadata=mark)
    with pytest.raises(QueueRefused, match="made by someone else"):
        provider.create(inputs(config))
    provider.delete(ORDERS, inputs(config))
    assert admin.get_queue(ORDERS).max_delivery_count == 2


def test_an_adopted_queue_is_set_up_and_keeps_what_its_maker_wrote(
    provider: QueueProvider, config: AsbConfig, admin: ServiceBusAdministrationClient
) -> None:
    admin.create_queue(ORDERS, requires_duplicate_detection=True, max_delivery_count=2, user_metadata="finance")
    provider.create(inputs(config, ours=False, user_metadata="finance"))
    queue = admin.get_queue(ORDERS)
    assert (queue.max_delivery_count, queue.user_metadata) == (10, "finance")


def test_messages_that_came_after_the_plan_keep_the_queue(
    provider: QueueProvider,
    config: AsbConfig,
    admin: ServiceBusAdministrationClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provider.create(inputs(config))
    fill(config, ORDERS)
    with pytest.raises(QueueRefused, match="holds 1 messages"):
        provider.delete(ORDERS, inputs(config))
    provider_of(Access(config, OWNER, allow_data_loss=True), monkeypatch).delete(ORDERS, inputs(config))
    assert list(admin.list_queues()) == []
    provider.delete(ORDERS, inputs(config))


def test_the_provider_carries_no_secret_into_pulumis_state(provider: QueueProvider) -> None:
    assert provider.__getstate__() == {}
    assert "SharedAccessKey" in os.environ["DSTREAM_ASB_CONNECTION_STRING"]
