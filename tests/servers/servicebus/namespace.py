"""A namespace: its queues by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.servers.servicebus.description import Description
from tests.servers.servicebus.errors import INVALID, MISSING, ServiceError, missing
from tests.servers.servicebus.queue import DEAD_LETTERS, Queue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.servers.servicebus.clock import Clock
    from tests.servers.servicebus.store import Journal

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,258}[A-Za-z0-9])?")


class Namespace:
    """Used on the server's loop only. Every method raises ServiceError."""

    def __init__(self, clock: Clock, max_queues: int, journal: Journal) -> None:
        self.queues: dict[str, Queue] = {}
        """By name in lower case, for which the service does not care."""
        self._clock = clock
        self._max_queues = max_queues
        self.journal = journal
        for name, description in self.journal.names():
            queue = self._add(name, description)
            for one in (queue, queue.dead_letters):
                if one is not None:
                    self.journal.fill(one)

    def create(self, name: str, given: Mapping[str, str | None]) -> Queue:
        if not _NAME.fullmatch(name):
            text = f"'{name}' contains character(s) that is not allowed by Service Bus, or is longer than 260."
            raise ServiceError(INVALID, text)
        if name.lower() in self.queues:
            text = f"Entity '{name}' already exists: you are not allowed to create an entity of the same name."
            raise ServiceError("com.microsoft:entity-already-exists", text, status=409, subcode=40900)
        if len(self.queues) >= self._max_queues:
            text = "The maximum number of resources of type 'Queue' has been reached or exceeded."
            raise ServiceError("amqp:resource-limit-exceeded", text, status=403, subcode=40301)
        queue = self._add(name, Description(given))
        self.journal.queue(queue)
        return queue

    def update(self, name: str, given: Mapping[str, str | None]) -> Queue:
        queue = self.find(name)
        queue.description = queue.description.changed(given)
        queue.updated = self._clock.now()
        self.journal.queue(queue)
        return queue

    def delete(self, name: str) -> None:
        queue = self.find(name)
        del self.queues[name.strip("/").lower()]
        for one in (queue, queue.dead_letters):
            if one is not None:
                self.journal.deleted(one)
                for consumer in one.consumers:
                    consumer.lose(MISSING, "The messaging entity has been deleted.")

    def _add(self, name: str, description: Description) -> Queue:
        queue = Queue(name, description, self._clock, self.journal)
        self.queues[name.lower()] = queue
        return queue

    def find(self, path: str) -> Queue:
        """The queue, or the dead-letter queue, of this path."""
        name = path.strip("/").lower()
        queue = self.queues.get(name.removesuffix(DEAD_LETTERS.lower()))
        if queue is None:
            raise missing(path)
        return queue.dead_letters if name.endswith(DEAD_LETTERS.lower()) and queue.dead_letters else queue
