"""A namespace of each test's own, and its administration."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure.servicebus.management import ServiceBusAdministrationClient

from asb_output_provider.admin import open_admin
from asb_output_provider.config import AsbConfig
from tests.servers.servicebus import ServiceBus


@pytest.fixture
def bus() -> Iterator[ServiceBus]:
    with ServiceBus() as bus:
        yield bus


@pytest.fixture
def admin(bus: ServiceBus) -> Iterator[ServiceBusAdministrationClient]:
    with open_admin(AsbConfig.model_validate({"connection_string": bus.connection_string})) as admin:
        yield admin
