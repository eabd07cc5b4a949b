"""A scripted Docker Engine on a Unix socket, for what a real one does only when something breaks."""

from __future__ import annotations

import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Answer = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One request, with what a script needs to answer it."""

    protocol_version = "HTTP/1.1"
    server: EngineApi

    def do_GET(self) -> None:
        if self.path.endswith("/version"):
            self.json(200, {"ApiVersion": "1.41", "MinAPIVersion": "1.12", "Os": "linux", "Arch": "amd64"})
        else:
            self.server.answers["inspect"](self)

    def do_POST(self) -> None:
        self.server.requests.append((self.path, dict(self.headers)))
        self.server.answers["pull"](self)

    def json(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def chunks(self, *events: Any) -> None:
        """The beginning of a chunked answer, one chunk for each event."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in events:
            data = json.dumps(event).encode() + b"\r\n"
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def last_chunk(self) -> None:
        self.wfile.write(b"0\r\n\r\n")

    def hang(self) -> None:
        """Say nothing more until the server is stopped."""
        self.close_connection = True
        self.server.stopping.wait(30)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Silence: the test says what matters."""


class EngineApi(socketserver.ThreadingUnixStreamServer):
    """`answers` holds the scripts for `pull` and `inspect`; `requests` what was posted, with headers."""

    daemon_threads = True

    def __init__(self, path: Path, **answers: Answer) -> None:
        super().__init__(str(path), Request)
        self.answers = answers
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.stopping = threading.Event()
        self.host = f"unix://{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients may hang up in the middle; a script that fails shows in what the client says."""

    def __enter__(self) -> EngineApi:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.shutdown()
        self.server_close()
