"""The administration API's documents: Atom entries around a QueueDescription."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from tests.servers.servicebus.description import DEFAULTS, RULES
from tests.servers.servicebus.errors import INVALID, ServiceError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from tests.servers.servicebus.queue import Queue

_ATOM = "{http://www.w3.org/2005/Atom}"
_BUS = "{http://schemas.microsoft.com/netservices/2010/10/servicebus/connect}"
_COUNTS = "{http://schemas.microsoft.com/netservices/2011/06/servicebus}"


def described(body: bytes) -> dict[str, str | None]:
    """The properties that a request sets. Raises ServiceError."""
    try:
        found = ElementTree.fromstring(body).find(f".//{_BUS}QueueDescription")
    except ElementTree.ParseError as error:
        raise ServiceError(INVALID, f"The request's body is no XML: {error}.") from error
    if found is None:
        raise ServiceError(INVALID, "The request's body has no QueueDescription; there are only queues here.")
    given: dict[str, str | None] = {}
    for element in found:
        name = element.tag.removeprefix(_BUS)
        if name == RULES:
            given[name] = ElementTree.tostring(element, encoding="unicode")
        elif name in DEFAULTS and element.text is not None:
            given[name] = element.text.lower() if element.text in ("True", "False") else element.text
    return given


def entry(queue: Queue, base: str) -> Element:
    """A queue with all its properties and counts."""
    root = ElementTree.Element(f"{_ATOM}entry")
    _add(root, f"{_ATOM}id", f"{base}/{queue.name}")
    _add(root, f"{_ATOM}title", queue.name).set("type", "text")
    _add(root, f"{_ATOM}published", _when(queue.created))
    _add(root, f"{_ATOM}updated", _when(queue.updated))
    content = ElementTree.SubElement(root, f"{_ATOM}content", type="application/xml")
    description = ElementTree.SubElement(content, f"{_BUS}QueueDescription")
    for name, value in queue.description.values.items():
        if name == RULES and value is not None:
            description.append(ElementTree.fromstring(value))
        elif value is not None:
            _add(description, _BUS + name, value)
    for name, moment in (("CreatedAt", queue.created), ("UpdatedAt", queue.updated), ("AccessedAt", queue.updated)):
        _add(description, _BUS + name, _when(moment))
    active = len(queue.contents) - queue.contents.scheduled
    buried = len(queue.dead_letters.contents) if queue.dead_letters else 0
    _add(description, f"{_BUS}SizeInBytes", str(queue.contents.bytes))
    _add(description, f"{_BUS}MessageCount", str(len(queue.contents) + buried))
    counts = ElementTree.SubElement(description, f"{_BUS}CountDetails")
    for name, count in (
        ("ActiveMessageCount", active),
        ("DeadLetterMessageCount", buried),
        ("ScheduledMessageCount", queue.contents.scheduled),
        ("TransferDeadLetterMessageCount", 0),
        ("TransferMessageCount", 0),
    ):
        _add(counts, _COUNTS + name, str(count))
    return root


def feed(title: str, entries: list[Element], pages: tuple[str, str | None] | None = None) -> Element:
    """Entries; of a longer list the addresses of this page and of the next, if there is one."""
    root = ElementTree.Element(f"{_ATOM}feed")
    _add(root, f"{_ATOM}title", title).set("type", "text")
    for relation, address in zip(("self", "next"), pages or (), strict=False):
        if address is not None:
            ElementTree.SubElement(root, f"{_ATOM}link", rel=relation, href=address)
    root.extend(entries)
    return root


def namespace_info(name: str) -> Element:
    root = ElementTree.Element(f"{_ATOM}entry")
    content = ElementTree.SubElement(root, f"{_ATOM}content", type="application/xml")
    info = ElementTree.SubElement(content, f"{_BUS}NamespaceInfo")
    for key, value in (
        ("CreatedTime", "2024-01-01T00:00:00Z"),
        ("MessagingSKU", "Standard"),
        ("ModifiedTime", "2024-01-01T00:00:00Z"),
        ("Name", name),
        ("NamespaceType", "Messaging"),
    ):
        _add(info, _BUS + key, value)
    return root


def failure(status: int, text: str) -> Element:
    root = ElementTree.Element("Error")
    _add(root, "Code", str(status))
    _add(root, "Detail", text)
    return root


def _add(parent: Element, tag: str, text: str) -> Element:
    element = ElementTree.SubElement(parent, tag)
    element.text = text
    return element


def _when(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
