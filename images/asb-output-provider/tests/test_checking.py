from __future__ import annotations

from typing import Any

import pytest

from asb_output_provider.config import AsbConfig
from asb_output_provider.provider import AsbOutput
from dstream_sdk import Context, Finding
from tests.asb import ORDERS, PERSONS, STREAMS
from tests.servers.servicebus import ServiceBus


def checked(bus: ServiceBus, **config: Any) -> dict[str, Finding]:
    provider = AsbOutput(AsbConfig.model_validate({"connection_string": bus.connection_string, **config}))
    provider.context = Context(command="check", role="output", task="orders", streams=STREAMS)
    return {finding.check: finding for finding in provider.check()}


def test_all_is_well(bus: ServiceBus) -> None:
    found = checked(bus)
    assert found.keys() == {"send", "manage", "queues"}
    assert all(finding.ok for finding in found.values())
    assert "3 of 3" in found["queues"].message


def test_queues_that_are_missing_are_named(bus: ServiceBus) -> None:
    bus.delete(PERSONS)
    found = checked(bus)["queues"]
    assert (found.ok, found.message, found.remedy) == (False, f"queue `{PERSONS}` missing", "dstream init orders")
    assert checked(bus, auto_create=True)["queues"].ok


def test_a_key_that_opens_nothing_is_said_to(bus: ServiceBus) -> None:
    wrong = bus.connection_string.replace(bus.keys.secret, "bm90IHRoZSBrZXk=")
    found = checked(bus, connection_string=wrong)
    assert not found["send"].ok
    assert "`Send`" in found["send"].remedy
    assert "bm90IHRoZSBrZXk" not in str(found)


@pytest.mark.parametrize("auto_create", [True, False])
def test_who_only_writes_needs_no_right_to_manage(bus: ServiceBus, auto_create: bool) -> None:
    bus.faults.http(401, "Manage claim is required", times=100)
    found = checked(bus, auto_create=auto_create)
    assert found["send"].ok
    assert found["manage"].ok is not auto_create
    assert "Manage" in found["manage"].remedy


def test_a_queue_that_was_made_in_another_way_is_told_of(bus: ServiceBus) -> None:
    bus.delete(ORDERS)
    bus.create(ORDERS, RequiresSession="true")
    found = checked(bus)
    assert (found["sessions"].ok, found["sessions"].remedy) == (False, "queues.sessions = true")
    assert "without duplicate detection" in found["duplicates"].message


def test_a_server_that_is_away_is_said_to_be(bus: ServiceBus) -> None:
    bus.stop()
    found = checked(bus, retry_timeout="1s")
    assert not found["send"].ok
    assert "cannot be reached" in found["manage"].message
