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
def config(bus: ServiceBus) -> AsbConfig:
    return AsbConfig.model_validate({"connection_string": bus.connection_string})


@pytest.fixture
def admin(config: AsbConfig) -> Iterator[ServiceBusAdministrationClient]:
    with open_admin(config) as admin:
        yield admin
