"""A server for each test, and the official clients."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.pipeline.transport import RequestsTransport
from azure.servicebus import ServiceBusClient, ServiceBusReceiver, ServiceBusSender
from azure.servicebus.management import ServiceBusAdministrationClient

from tests.servers.servicebus import ServiceBus

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAVES_SOCKETS = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.usefixtures("collected"),
]
"""For tests that break connections: the client leaves the sockets of those to the collector of garbage."""


class PlainHttp(RequestsTransport):  # type: ignore[misc]  # azure-core does not say what it is
    """The official client administrates over HTTPS only, whatever the connection string says."""

    def send(self, request: Any, **options: Any) -> Any:
        request.url = request.url.replace("https://", "http://", 1)
        return super().send(request, **options)


def administration(connection_string: str, **options: Any) -> ServiceBusAdministrationClient:
    return ServiceBusAdministrationClient.from_connection_string(connection_string, transport=PlainHttp(), **options)


class QuickClient(ServiceBusClient):
    """Without the threads that keep connections alive: on closing, each is awaited for up to a second."""

    def get_queue_sender(self, queue_name: str, **options: Any) -> ServiceBusSender:
        return super().get_queue_sender(queue_name, keep_alive=0, **options)

    def get_queue_receiver(self, queue_name: str, **options: Any) -> ServiceBusReceiver:
        return super().get_queue_receiver(queue_name, keep_alive=0, **options)


def messaging(connection_string: str, **options: Any) -> ServiceBusClient:
    chosen = {"retry_total": 3, "retry_backoff_factor": 0.01, **options}
    return QuickClient.from_connection_string(connection_string, **chosen)


@pytest.fixture
def collected() -> Iterator[None]:
    """The collector comes when the test is over."""
    yield
    gc.collect()


@pytest.fixture
def bus() -> Iterator[ServiceBus]:
    with ServiceBus() as running:
        yield running


@pytest.fixture
def admin(bus: ServiceBus) -> Iterator[ServiceBusAdministrationClient]:
    with administration(bus.connection_string) as client:
        yield client


@pytest.fixture
def client(bus: ServiceBus) -> Iterator[ServiceBusClient]:
    with messaging(bus.connection_string) as connected:
        yield connected
