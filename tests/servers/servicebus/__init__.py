"""An Azure Service Bus namespace with queues, for tests. README.md has its rules and where each comes from."""

from __future__ import annotations

from tests.servers.servicebus.message import Received
from tests.servers.servicebus.server import ServiceBus

__all__ = ["Received", "ServiceBus"]
