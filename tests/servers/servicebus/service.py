"""What all connections share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tests.servers.servicebus.faults import Faults
from tests.servers.servicebus.tokens import Keys

if TYPE_CHECKING:
    from tests.servers.servicebus.clock import Clock
    from tests.servers.servicebus.namespace import Namespace

MAX_TRANSFER = 262_144
"""Bytes of a message or a batch in the Standard tier."""


class Droppable(Protocol):
    """A connection that a test can end."""

    def drop(self, *, politely: bool) -> None:
        """At once; politely: after saying `amqp:connection:forced`."""


@dataclass
class Service:
    """The namespace and who may reach it how. Used on the server's loop only, except for the faults."""

    namespace: Namespace
    clock: Clock
    keys: Keys = field(default_factory=Keys)
    faults: Faults = field(default_factory=Faults)
    connections: set[Droppable] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    """`transfers`, `messages` and `duplicates` taken in, `requests` over HTTP, `connections` over AMQP."""
    whole_envelopes: bool = False
    """Does what the SDK puts around a batch count against MAX_TRANSFER? It does not count it itself."""
