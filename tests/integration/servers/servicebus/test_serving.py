"""How the server is reached, and what of it lasts."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ServiceRequestError
from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import ServiceBusAuthenticationError, ServiceBusError
from azure.servicebus.management import ServiceBusAdministrationClient

from tests.integration.servers.servicebus.conftest import LEAVES_SOCKETS, QuickClient, administration, messaging
from tests.servers.servicebus import ServiceBus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

pytestmark = LEAVES_SOCKETS


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[ServiceBus]:
    """On the port of AMQP over TLS, at an address of this machine that nothing else uses."""
    with ServiceBus(host="127.71.0.1", port=5671, tls=tmp_path) as bus:
        bus.create("q")
        yield bus


class Credential:
    """A token of no authority."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        assert scopes[0].startswith("https://servicebus.azure.net/")
        return AccessToken(self._token, 2_000_000_000)


def test_messages_and_administration_go_through_tls_on_one_port(secure: ServiceBus) -> None:
    ca = str(secure.ca)
    with messaging(secure.secure_connection_string, connection_verify=ca) as client:
        with client.get_queue_sender("q") as sender:
            sender.send_messages(ServiceBusMessage("x"))
        with client.get_queue_receiver("q") as receiver:
            (message,) = receiver.receive_messages(1, max_wait_time=10)
            receiver.complete_message(message)
    with ServiceBusAdministrationClient.from_connection_string(
        secure.secure_connection_string, connection_verify=ca
    ) as admin:
        assert [queue.name for queue in admin.list_queues()] == ["q"]


def test_a_client_that_does_not_know_the_certificate_is_not_served(secure: ServiceBus) -> None:
    with (
        messaging(secure.secure_connection_string, retry_total=0) as client,
        pytest.raises(ServiceBusError, match="certificate verify failed"),
        client.get_queue_sender("q"),
    ):
        pass
    with (
        ServiceBusAdministrationClient.from_connection_string(secure.secure_connection_string, retry_total=0) as admin,
        pytest.raises(ServiceRequestError, match="(?i)certificate"),
    ):
        admin.get_queue("q")
    assert secure.counts()["connections"] == secure.counts()["requests"] == 0


def test_a_bearer_token_opens_what_it_was_named_for(secure: ServiceBus) -> None:
    ca = str(secure.ca)
    secure.keys.bearers.add("good")
    with (
        QuickClient(secure.host, Credential("good"), connection_verify=ca) as client,
        client.get_queue_sender("q") as sender,
    ):
        sender.send_messages(ServiceBusMessage("x"))
    with ServiceBusAdministrationClient(
        f"{secure.host}:{secure.port}", Credential("good"), connection_verify=ca
    ) as admin:
        assert admin.get_queue_runtime_properties("q").active_message_count == 1
    with (
        QuickClient(secure.host, Credential("bad"), connection_verify=ca, retry_total=0) as client,
        pytest.raises(ServiceBusAuthenticationError),
        client.get_queue_sender("q"),
    ):
        pass


def test_servers_live_side_by_side(bus: ServiceBus) -> None:
    with ServiceBus() as other:
        other.create("q")
        assert (set(bus.queues), set(other.queues)) == (set(), {"q"})


def test_a_killed_server_has_all_that_it_said_it_had(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.servers.servicebus", "--file", str(tmp_path / "bus.db")]

    def start(port: str = "0") -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen([*command, "--port", port], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    first, connection_string = start()
    try:
        with administration(connection_string) as admin:
            admin.create_queue("q", requires_duplicate_detection=True, user_metadata="mine")
            admin.create_queue("gone")
            admin.delete_queue("gone")
        with messaging(connection_string) as client:
            with client.get_queue_sender("q") as sender:
                sender.send_messages([ServiceBusMessage(f"m{number}", message_id=str(number)) for number in range(4)])
            with client.get_queue_receiver("q") as receiver:
                done, buried, deferred, _ = receiver.receive_messages(4, max_wait_time=10)
                receiver.complete_message(done)
                receiver.dead_letter_message(buried, reason="odd")
                receiver.defer_message(deferred)
                first.send_signal(signal.SIGKILL)
                first.wait(60)
    finally:
        first.kill()
        first.communicate()

    with ServiceBus(file=tmp_path / "bus.db") as bus:
        assert {name: found["UserMetadata"] for name, found in bus.queues.items()} == {"q": "mine"}
        assert [(message.number, message.body) for message in bus.received("q")] == [(3, b"m2"), (4, b"m3")]
        assert [message.dead_letter_reason for message in bus.received("q/$DeadLetterQueue")] == ["odd"]
        with messaging(bus.connection_string) as client:
            with client.get_queue_sender("q") as sender:
                sender.send_messages(ServiceBusMessage("again", message_id="0"))
                sender.send_messages(ServiceBusMessage("new", message_id="4"))
            with client.get_queue_receiver("q") as receiver:
                assert [str(message) for message in receiver.receive_messages(2, max_wait_time=10)] == ["m3", "new"]
                assert [str(message) for message in receiver.receive_deferred_messages([3])] == ["m2"]
        assert [message.number for message in bus.received("q")] == [3, 4, 5]


def test_what_is_kept_in_a_file_lasts_over_restarts_in_one_process(tmp_path: Path) -> None:
    with ServiceBus(file=tmp_path / "bus.db") as bus:
        bus.create("plain", DefaultMessageTimeToLive="PT1H")
        bus.create("sessions", RequiresSession="true")
        with messaging(bus.connection_string) as client:
            with client.get_queue_sender("plain") as sender:
                sender.send_messages(ServiceBusMessage("x"))
            with client.get_queue_sender("sessions") as sender:
                sender.send_messages(ServiceBusMessage("y", session_id="a"))
            with client.get_queue_receiver("sessions", session_id="a") as receiver:
                receiver.session.set_state("halfway")
        bus.stop()
        bus.start()
        with (
            messaging(bus.connection_string) as client,
            client.get_queue_receiver("sessions", session_id="a") as receiver,
        ):
            assert receiver.session.get_state() == b"halfway"
            assert [str(message) for message in receiver.receive_messages(1, max_wait_time=10)] == ["y"]
        assert [message.body for message in bus.received("plain")] == [b"x"]
        bus.advance(3601)
        assert bus.received("plain") == []
