"""A small registry on a loopback port that fails as it is told: what a real one does only on its worst day."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import re
import socket
import struct
import sys
import termios
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from orchestrator.registry.manifest import OCI_MANIFEST, Descriptor

if TYPE_CHECKING:
    from types import TracebackType

REPOSITORY = "t/x"


class Request(BaseHTTPRequestHandler):
    """One request to a `FailingRegistry`, with what a failure needs to answer it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: FailingRegistry

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.server.lock:
            self.server.requests.append((self.command, self.path, dict(self.headers)))
            answers = next((queue for part, queue in self.server.failures.items() if part in self.path and queue), None)
            answer = answers.popleft() if answers else self.server.usual
        answer(self)

    do_HEAD = do_POST = do_GET  # noqa: N815  # the base class's names

    def reply(self, status: int, body: bytes, headers: dict[str, str], announced: int | None = None) -> None:
        """Send an answer whose length is announced as `announced`."""
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body) if announced is None else announced)} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """The tests look at `requests` instead."""


Answer = Callable[[Request], None]


class FailingRegistry(ThreadingHTTPServer):
    """`with FailingRegistry() as registry`. Holds what `put` and `hold` gave it, and answers well unless told not to.

    `failures["blobs"]` are answers to the next requests whose path has `blobs` in it, one each; `usual` is the
    answer to all others. With `ranges` a part of a blob can be asked for.
    """

    daemon_threads = True

    def __init__(self, *, ranges: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.lock = threading.Lock()
        self.address = f"127.0.0.1:{self.server_port}"
        self.reference = f"{self.address}/{REPOSITORY}:v1"
        self.ranges = ranges
        self.usual: Answer = serve
        self.contents: dict[str, tuple[str, bytes]] = {"/v2/": ("application/json", b"{}")}
        self.failures: dict[str, deque[Answer]] = defaultdict(deque)
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})

    def put(self, content: bytes, media_type: str = "application/octet-stream") -> Descriptor:
        """A blob."""
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.contents[f"/v2/{REPOSITORY}/blobs/{digest}"] = (media_type, content)
        return Descriptor(media_type, digest, len(content))

    def hold(self, document: dict[str, Any], tag: str = "v1", media_type: str = OCI_MANIFEST) -> Descriptor:
        """A manifest or an index, under `tag` and under its digest."""
        raw = json.dumps({"mediaType": media_type} | document).encode()
        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        for name in (tag, digest):
            self.contents[f"/v2/{REPOSITORY}/manifests/{name}"] = (media_type, raw)
        return Descriptor(media_type, digest, len(raw))

    def asked(self, part: str) -> list[tuple[str, str, dict[str, str]]]:
        """The requests whose path has `part` in it."""
        return [request for request in self.requests if part in request[1]]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients of a failing registry hang up; anything else is a mistake of the tests."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


def serve(request: Request) -> None:
    """Answer as a registry in good health."""
    request.reply(*_healthy(request))


def status(code: int, words: str = "so it is", **headers: str) -> Answer:
    """Refuse with `code`. A header `Retry_After` is sent as `Retry-After`."""
    body = json.dumps({"errors": [{"code": "FAILED", "message": words}]}).encode()
    return lambda request: request.reply(code, body, {name.replace("_", "-"): value for name, value in headers.items()})


def page(body: str, **headers: str) -> Answer:
    """Answer with `body`, whatever was asked."""
    return lambda request: request.reply(200, body.encode(), headers)


def truncated(after: int) -> Answer:
    """Announce everything, send `after` bytes of it, and end the connection in good order."""

    def answer(request: Request) -> None:
        code, body, headers = _healthy(request)
        request.reply(code, body[:after], headers, announced=len(body))
        request.close_connection = True

    return answer


def reset(after: int) -> Answer:
    """Send `after` bytes and let the connection break."""

    def answer(request: Request) -> None:
        truncated(after)(request)
        _wait_until_taken(request.connection)
        vanish(request)

    return answer


def vanish(request: Request) -> None:
    """Let the connection break without a word."""
    request.close_connection = True
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()


def short(after: int) -> Answer:
    """Send `after` bytes as if that were all."""

    def answer(request: Request) -> None:
        code, body, headers = _healthy(request)
        request.reply(code, body[:after], headers)

    return answer


def altered(request: Request) -> None:
    """Send as many bytes as there are, the first of them another."""
    code, body, headers = _healthy(request)
    request.reply(code, bytes([body[0] ^ 1]) + body[1:], headers)


def silence(request: Request) -> None:
    """Read the request, and say nothing until the client hangs up."""
    request.close_connection = True
    request.connection.recv(1)


def bearer(token: str, login: str | None = None) -> Answer:
    """Let in who has `token`, and give it at `/token` to who knows `login` (`user:password`); None is anybody."""
    expected = f"Basic {base64.b64encode(login.encode()).decode()}" if login else None

    def answer(request: Request) -> None:
        shown = request.headers.get("Authorization")
        if request.path.startswith("/token") and shown == expected:
            request.reply(200, json.dumps({"token": token}).encode(), {})
        elif shown == f"Bearer {token}":
            serve(request)
        else:
            realm = f"http://{request.server.address}/token"
            challenge = f'Bearer realm="{realm}",service="tests",scope="repository:{REPOSITORY}:pull"'
            request.reply(401, b"{}", {"WWW-Authenticate": challenge})

    return answer


def redirect(address: str, code: int = 307) -> Answer:
    """Send the client elsewhere."""
    return lambda request: request.reply(code, b"", {"Location": address})


def _healthy(request: Request) -> tuple[int, bytes, dict[str, str]]:
    """What a registry in good health answers: status, body and headers."""
    contents = request.server.contents
    found = contents.get(request.path) or contents.get(urlsplit(request.path).path)
    if found is None:
        return 404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}', {}
    media_type, body = found
    headers = {"Content-Type": media_type}
    if "/manifests/" in request.path:
        headers["Docker-Content-Digest"] = f"sha256:{hashlib.sha256(body).hexdigest()}"
    start = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
    if start is None or not request.server.ranges:
        return 200, body, headers
    headers["Content-Range"] = f"bytes {start[1]}-{len(body) - 1}/{len(body)}"
    return 206, body[int(start[1]) :], headers


def _wait_until_taken(connection: socket.socket, timeout: float = 10.0) -> None:
    """A reset throws away what the other side's kernel has not yet got."""
    deadline = time.monotonic() + timeout
    while struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))[0]:
        if time.monotonic() > deadline:
            raise TimeoutError("the client does not read")
        time.sleep(0.001)
