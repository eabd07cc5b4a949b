"""What Service Bus does to those who write to it: nothing is lost, and each is told as it is."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from asb_output_provider.provider import AsbOutput
from dstream_sdk import ProviderError
from tests.asb import ORDERS, PERSONS, change, opened, sent
from tests.servers.servicebus import ServiceBus
from tests.servers.servicebus.errors import NOT_ALLOWED

Output = Callable[..., AsbOutput]

# The client library leaves the socket of a connection that broke to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def _listening(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dstream")


def test_a_busy_server_is_waited_for(bus: ServiceBus, output: Output, caplog: pytest.LogCaptureFixture) -> None:
    busy_s = 60.0 if os.environ.get("DSTREAM_FULL") == "1" else 5.0
    provider = output(retry_timeout="5m")
    bus.faults.busy(busy_s, ORDERS)
    began = time.monotonic()
    provider.write([change(n) for n in range(100)] + [change(n, "Persons") for n in range(100)])
    assert time.monotonic() - began >= busy_s
    assert sent(bus, ORDERS) == sent(bus, PERSONS) == list(range(100))
    assert f"queue `{ORDERS}`" in caplog.text
    assert "server-busy" in caplog.text
    assert "is written to again after" in caplog.text
    assert PERSONS not in caplog.text


def test_a_server_that_stays_busy_ends_the_run(bus: ServiceBus, output: Output) -> None:
    provider = output(retry_timeout="3s")
    bus.faults.busy(60, ORDERS)
    with pytest.raises(ProviderError, match=rf"`{ORDERS}` could not be written to for 3 s: .*server-busy") as caught:
        provider.write([change(1), change(1, "Persons")])
    assert "`retry_timeout`" in caught.value.hint
    assert (sent(bus, ORDERS), sent(bus, PERSONS)) == ([], [1])


def test_a_run_that_is_told_to_stop_waits_no_longer(bus: ServiceBus, output: Output) -> None:
    provider = output(retry_timeout="5m")
    bus.faults.busy(60)
    threading.Timer(0.5, lambda: provider.context.stop.request("SIGTERM came")).start()
    with pytest.raises(ProviderError, match="told to stop while queue"):
        provider.write([change(1)])


def test_connections_that_break_all_the_time_lose_nothing(
    bus: ServiceBus, output: Output, caplog: pytest.LogCaptureFixture
) -> None:
    provider = output()
    written = 0
    with dropping(bus, every_s=2.0) as drops:
        while len(drops) < 2:
            numbers = range(written, written + 50)
            records = [change(number, table) for number in numbers for table in ("Orders", "Persons")]
            assert list(provider.write(records)) == []
            written += 50
    assert sent(bus, ORDERS) == sent(bus, PERSONS) == list(range(written))
    assert "trying again in" in caplog.text


def test_what_was_stored_when_the_connection_broke_is_there_once(bus: ServiceBus, output: Output) -> None:
    provider = output()
    bus.faults.drop(ORDERS, stored=True)
    provider.write([change(n) for n in range(100)])
    assert sent(bus) == list(range(100))
    assert bus.counts()["duplicates"] == 100


def test_a_link_that_is_detached_is_attached_again(
    bus: ServiceBus, output: Output, caplog: pytest.LogCaptureFixture
) -> None:
    provider = output()
    bus.faults.detach(ORDERS, times=2)
    provider.write([change(n) for n in range(100)])
    assert sent(bus) == list(range(100))
    assert "broke before Service Bus answered" in caplog.text


def test_a_server_that_is_away_for_a_while_is_waited_for(bus: ServiceBus, output: Output) -> None:
    provider = output()
    provider.write([change(0)])
    bus.stop()
    back = threading.Timer(1.5, bus.start)
    back.start()
    provider.write([change(1)])
    back.join()
    assert sent(bus) == [0, 1]


def test_a_server_that_takes_connections_and_says_nothing_is_not_waited_for_without_end(bus: ServiceBus) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        mute = bus.connection_string.replace(f":{urlsplit(bus.admin_url).port}", f":{port}")
        with pytest.raises(ProviderError, match=f"queue `{ORDERS}` could not be written to for 1 s"):
            opened(mute, retry_timeout="1s")


def test_a_full_queue_ends_the_run(bus: ServiceBus, output: Output) -> None:
    provider = output()
    bus.limit(ORDERS, 100_000)
    with pytest.raises(ProviderError, match=rf"queue `{ORDERS}` is full: .*resource-limit-exceeded") as caught:
        provider.write([change(n, Note="x" * 1000) for n in range(400)])
    assert "received" in caught.value.hint
    bus.limit(ORDERS, None)
    provider.write([change(n, Note="x" * 1000) for n in range(400)])
    assert sent(bus) == list(range(400))


def test_a_queue_that_is_deleted_ends_the_run(bus: ServiceBus, output: Output) -> None:
    provider = output()
    provider.write([change(1)])
    bus.delete(ORDERS)
    with pytest.raises(ProviderError, match=rf"queue `{ORDERS}` does not exist: ") as caught:
        provider.write([change(2), change(2, "Persons")])
    assert "dstream init" in caught.value.hint
    assert sent(bus, PERSONS) == [2]


def test_a_batch_that_is_refused_once_is_sent_in_parts(
    bus: ServiceBus, output: Output, caplog: pytest.LogCaptureFixture
) -> None:
    provider = output()
    bus.faults.refuse(ORDERS, NOT_ALLOWED)
    assert list(provider.write([change(n) for n in range(9)])) == []
    assert sent(bus) == list(range(9))
    assert f"queue `{ORDERS}` refused 9 messages together" in caplog.text


def test_the_record_that_a_batch_is_refused_for_is_rejected_alone(bus: ServiceBus, output: Output) -> None:
    provider = output()
    bus.faults.refuse(ORDERS, NOT_ALLOWED, times=3)  # a batch of four, its first half, and the first record of that
    (rejection,) = provider.write([change(n) for n in range(4)])
    assert (rejection.index, rejection.code) == (0, "refused")
    assert "not-allowed" in rejection.reason
    assert sent(bus) == [1, 2, 3]


def test_a_queue_that_refuses_everything_ends_the_run(bus: ServiceBus, output: Output) -> None:
    provider = output()
    bus.faults.refuse(ORDERS, NOT_ALLOWED, times=1000)
    assert [rejection.code for n in range(4) for rejection in provider.write([change(n)])] == ["refused"] * 4
    with pytest.raises(ProviderError, match=r"refused 5 records in a row: .*not-allowed"):
        provider.write([change(4)])
    assert sent(bus) == []


def test_a_key_that_is_taken_back_ends_the_run(bus: ServiceBus, output: Output) -> None:
    provider = output()
    bus.keys.secret = "YW5vdGhlciBrZXk="
    bus.drop_connections()
    with pytest.raises(ProviderError, match="may not be written to"):
        provider.write([change(1)])


@contextmanager
def dropping(bus: ServiceBus, *, every_s: float) -> Iterator[list[float]]:
    """Have every connection break so often, but not before something has come; yields when it did."""
    drops: list[float] = []
    done = threading.Event()

    def drop() -> None:
        stored = 0
        while not done.wait(every_s):
            if (now := bus.counts()["messages"]) > stored:
                stored = now
                bus.drop_connections()
                drops.append(time.monotonic())

    thread = threading.Thread(target=drop)
    thread.start()
    try:
        yield drops
    finally:
        done.set()
        thread.join()
