"""Ways in besides the emulator's: encrypted, and with an identity in place of a key."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from asb_output_provider.provider import AsbOutput
from dstream_sdk import ProviderError
from tests.asb import ORDERS, change, opened, sent
from tests.servers.servicebus import ServiceBus


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[ServiceBus]:
    """On the port of AMQP over TLS, which clients take from no connection string, at an address of its own."""
    with ServiceBus(host="127.72.0.1", port=5671, tls=tmp_path) as running:
        running.create(ORDERS)
        yield running


class Identities(BaseHTTPRequestHandler):
    """What a managed identity asks for its tokens, as App Service has it."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.extend(parse_qs(urlsplit(self.path).query)["resource"])
        body = json.dumps({"access_token": "token", "expires_on": "2000000000", "token_type": "Bearer"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Identities]]:
    Identities.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Identities) as server:
        threading.Thread(target=server.serve_forever).start()
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{server.server_port}/token")
        monkeypatch.setenv("IDENTITY_HEADER", "header")
        yield Identities
        server.shutdown()


def written(provider: AsbOutput) -> None:
    try:
        provider.write([change(1), change(1, "Invoices")])
    finally:
        provider.close()


def test_a_connection_string_leads_through_tls(secure: ServiceBus) -> None:
    endpoint = f"https://{secure.host}:{secure.port}"
    written(opened(secure.secure_connection_string, ca_file=str(secure.ca), admin_endpoint=endpoint, auto_create=True))
    assert (sent(secure), sent(secure, "Invoices_cdc_events")) == ([1], [1])


def test_a_server_of_an_unknown_authority_is_told_nothing(secure: ServiceBus) -> None:
    with pytest.raises(ProviderError, match="certificate verify failed"):
        opened(secure.secure_connection_string, retry_timeout="1s")
    assert secure.counts().get("connections", 0) == 0


def test_a_managed_identity_writes_and_makes_queues(secure: ServiceBus, identity: type[Identities]) -> None:
    secure.keys.bearers.add("token")
    written(
        opened(
            None,
            namespace=secure.host,
            credential="managed_identity",
            ca_file=str(secure.ca),
            admin_endpoint=f"https://{secure.host}:{secure.port}",
            auto_create=True,
        )
    )
    assert (sent(secure), sent(secure, "Invoices_cdc_events")) == ([1], [1])
    assert {asked.rstrip("/") for asked in identity.asked} == {"https://servicebus.azure.net"}


def test_an_identity_without_the_right_ends_the_run(secure: ServiceBus, identity: type[Identities]) -> None:
    with pytest.raises(ProviderError, match="may not be written to") as caught:
        opened(None, namespace=secure.host, credential="managed_identity", ca_file=str(secure.ca))
    assert "Azure Service Bus Data Sender" in caught.value.hint
