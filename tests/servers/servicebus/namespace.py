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

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,258}[A-Za-z0-9])?")


class Namespace:
    """Used on the server's loop only. Every method raises ServiceError."""

    def __init__(self, clock: Clock, max_queues: int = 10_000) -> None:
        self.queues: dict[str, Queue] = {}
        """By name in lower case, for which the service does not care."""
        self._clock = clock
        self._max_queues = max_queues

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
        queue = Queue(name, Description(given), self._clock)
        self.queues[name.lower()] = queue
        return queue

    def update(self, name: str, given: Mapping[str, str | None]) -> Queue:
        queue = self.find(name)
        queue.description = queue.description.changed(given)
        queue.updated = self._clock.now()
        return queue

    def delete(self, name: str) -> None:
        queue = self.find(name)
        del self.queues[name.strip("/").lower()]
        for one in (queue, queue.dead_letters):
            for consumer in one.consumers if one is not None else ():
                consumer.lose(MISSING, "The messaging entity has been deleted.")

    def find(self, path: str) -> Queue:
        """The queue, or the dead-letter queue, of this path."""
        name = path.strip("/").lower()
        queue = self.queues.get(name.removesuffix(DEAD_LETTERS.lower()))
        if queue is None:
            raise missing(path)
        return queue.dead_letters if name.endswith(DEAD_LETTERS.lower()) and queue.dead_letters else queue
