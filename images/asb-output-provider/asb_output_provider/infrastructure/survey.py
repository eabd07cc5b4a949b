"""What queues the namespace has, and whose they are."""

from __future__ import annotations

from dataclasses import dataclass

from azure.servicebus.management import QueueProperties, ServiceBusAdministrationClient

from asb_output_provider.infrastructure.marks import Mark
from asb_output_provider.infrastructure.queues import Properties, found_properties


@dataclass(frozen=True, slots=True)
class Found:
    """`mark` is None where dstream did not make the queue."""

    name: str
    properties: Properties
    user_metadata: str
    mark: Mark | None


class Survey:
    """The namespace's queues at one moment. Service Bus ignores the case of their names, and so does this."""

    def __init__(self, owner: Mark, queues: list[Found]) -> None:
        self._owner = owner
        self._queues = {queue.name.lower(): queue for queue in queues}

    @classmethod
    def take(cls, admin: ServiceBusAdministrationClient, owner: Mark) -> Survey:
        """List the namespace, a hundred queues a request. Raises what the client library raises."""
        return cls(owner, [_found(queue) for queue in admin.list_queues()])

    def named(self, name: str) -> Found | None:
        return self._queues.get(name.lower())

    def is_ours(self, found: Found) -> bool:
        return self._owner.same_owner(found.mark)

    @property
    def ours(self) -> list[Found]:
        """Those that were made for the owner's task, by name."""
        return sorted(filter(self.is_ours, self._queues.values()), key=lambda queue: queue.name)


def count_messages(admin: ServiceBusAdministrationClient) -> dict[str, int]:
    """By lower-case name of the queue, the messages that nobody has taken yet, dead letters and scheduled ones too."""
    return {queue.name.lower(): queue.total_message_count or 0 for queue in admin.list_queues_runtime_properties()}


def _found(queue: QueueProperties) -> Found:
    user_metadata = queue.user_metadata or ""
    return Found(queue.name, found_properties(queue), user_metadata, Mark.read(user_metadata))
