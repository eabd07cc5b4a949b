"""A Service Bus of the tests' own, and the provider that writes to it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from asb_output_provider.provider import AsbOutput
from tests.asb import QUEUES, opened
from tests.servers.servicebus import ServiceBus

Output = Callable[..., AsbOutput]


@pytest.fixture
def bus() -> Iterator[ServiceBus]:
    """With queues for three tables, which detect duplicates."""
    with ServiceBus() as running:
        for name in QUEUES:
            running.create(name, RequiresDuplicateDetection="true")
        yield running
    gc.collect()  # what a test leaves behind is its own


@pytest.fixture
def output(bus: ServiceBus) -> Iterator[Output]:
    """Open a provider for the server with so much of a config, and close it behind the test."""
    with ExitStack() as stack:

        def open_one(**config: Any) -> AsbOutput:
            made = opened(**{"connection_string": bus.connection_string, **config})
            stack.callback(made.close)
            return made

        yield open_one
