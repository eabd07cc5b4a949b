"""The administration API over HTTP/1.1: just what its clients send, on a connection that stays open."""

from __future__ import annotations

import asyncio
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

from tests.servers.servicebus import atom
from tests.servers.servicebus.errors import INVALID, ServiceError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from tests.servers.servicebus.service import Service

_PAGE = 100


class HttpConnection(asyncio.Protocol):
    """Requests one after the other."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._network = transport
        self._service.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._service.connections.discard(self)

    def drop(self, *, politely: bool) -> None:
        if politely:
            self._network.close()
        else:
            self._network.abort()

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            first, *lines = self._received[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            length = int(headers.get("content-length", 0))
            rest = self._received[end + 4 :]
            if len(rest) < length:
                return
            self._received = rest[length:]
            method, target, _ = first.split(" ", 2)
            self._service.counts["requests"] += 1
            self._answer(*self._perform(method, target, headers, rest[:length]))

    def _answer(self, status: int, document: Element | None) -> None:
        self._service.namespace.journal.commit()
        body = b"" if document is None else ElementTree.tostring(document)
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
            "Content-Type: application/atom+xml;type=entry;charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._network.write(head.encode() + body)

    def _perform(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, Element | None]:
        try:
            if fault := self._service.faults.of_request():
                raise fault
            self._service.keys.check(headers.get("authorization", ""), self._service.clock.now())
            url = urlsplit(target)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            base = f"https://{headers.get('host', '')}"
            return self._route(method, unquote(url.path).strip("/"), query, body, base, overwrite="if-match" in headers)
        except ServiceError as error:
            text = f"SubCode={error.subcode}. {error} TrackingId:{uuid.uuid4()}"
            return error.status, atom.failure(error.status, text)

    def _route(
        self, method: str, path: str, query: dict[str, str], body: bytes, base: str, *, overwrite: bool
    ) -> tuple[int, Element | None]:
        if "api-version" not in query:
            raise ServiceError(INVALID, "The api-version query parameter is required.")
        namespace = self._service.namespace
        match method, path:
            case "GET", "$namespaceinfo":
                return 200, atom.namespace_info("servicebus")
            case "GET", "$Resources/queues":
                return 200, self._page(int(query.get("$skip", 0)), int(query.get("$top", _PAGE)), base)
            case "GET", _ if path.lower() not in namespace.queues:
                # A queue that is not there is an empty feed with status 200.
                return 200, atom.feed("Publicly Listed Services", [])
            case "GET", _:
                return 200, atom.entry(namespace.find(path), base)
            case "PUT", _ if overwrite:
                return 200, atom.entry(namespace.update(path, atom.described(body)), base)
            case "PUT", _:
                return 201, atom.entry(namespace.create(path, atom.described(body)), base)
            case "DELETE", _:
                namespace.delete(path)
                return 200, None
        raise ServiceError(INVALID, f"{method} is not allowed here.", status=405, subcode=40500)

    def _page(self, skip: int, top: int, base: str) -> Element:
        names = sorted(self._service.namespace.queues)
        entries = [atom.entry(self._service.namespace.queues[name], base) for name in names[skip : skip + top]]
        this, following = (
            f"{base}/$Resources/queues?api-version=2021-05&$skip={begin}&$top={top}" for begin in (skip, skip + top)
        )
        return atom.feed("Queues", entries, (this, following if skip + top < len(names) else None))
