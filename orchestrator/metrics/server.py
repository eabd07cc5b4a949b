"""`/metrics` and `/health` over HTTP, for as long as a run lasts."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from orchestrator.errors import UnavailableError
from orchestrator.logs import log
from orchestrator.metrics.address import Address
from orchestrator.metrics.collector import RunCollector
from orchestrator.metrics.health import health, healthy
from orchestrator.pipeline.live import Live

CLOSE_S = 5.0
PATIENCE_S = 5.0
"""How long a client may be silent before it is hung up on."""

AT_ONCE = 16
"""Clients that are served at the same time; whoever comes then is hung up on."""

_POLL_S = 0.1
_TEXT = "text/plain; charset=utf-8"


class MetricsServer:
    """Holds the port from the moment it is made, so that a run without it never starts; answers once a run is there.

    Making one raises `UnavailableError` (`metrics.unavailable`) where the port cannot be had.
    """

    def __init__(self, address: Address, project: str) -> None:
        self._project = project
        try:
            family, _, _, _, place = socket.getaddrinfo(
                address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            self._server = _Server(family, place)
        except OSError as error:
            message = f"metrics cannot be served at {address}: {error.strerror or error}"
            hint = "choose another port with `--metrics`; port 0 takes any that is free"
            raise UnavailableError("metrics.unavailable", message, hint=hint) from error
        self.address = Address(address.host, self._server.server_address[1])

    def close(self) -> None:
        """Give the port up. Idempotent."""
        self._server.server_close()

    @contextmanager
    def expose(self, read: Callable[[], Live]) -> Iterator[str]:
        """Answer from what `read` gives while it is entered; see `orchestrator.pipeline.live.Expose`."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(RunCollector(read, self._project))
        self._server.registry, self._server.read = registry, read
        thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": _POLL_S}, name="metrics", daemon=True
        )
        thread.start()
        try:
            yield str(self.address)
        finally:
            self._server.shutdown()
            thread.join(CLOSE_S)
            self.close()


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False  # a client that reads slowly keeps no run from ending
    request_queue_size = 32

    def __init__(self, family: int, place: Any) -> None:
        self.address_family = family
        self.registry = CollectorRegistry()
        self.read: Callable[[], Live]
        self._places = threading.BoundedSemaphore(AT_ONCE)
        super().__init__(place, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  # the base class's
        """A client that went away is no event of the run."""
        error = sys.exception()
        if not isinstance(error, OSError):
            log().error("a metrics request failed", error=repr(error))


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = PATIENCE_S

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            encode, content_type = choose_encoder(self.headers.get("Accept", ""))
            self._answer(HTTPStatus.OK, content_type, encode(self.server.registry))
        elif path == "/health":
            live = self.server.read()
            status = HTTPStatus.OK if healthy(live.state) else HTTPStatus.SERVICE_UNAVAILABLE
            self._answer(status, "application/json", msgspec.json.encode(health(live)) + b"\n")
        else:
            self._answer(HTTPStatus.NOT_FOUND, _TEXT, b"there are /metrics and /health\n")

    def do_HEAD(self) -> None:
        self.do_GET()

    def version_string(self) -> str:
        return "dstream"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # as the base class calls it
        """Scrapes are no events of the run."""

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
