"""What is there and what shall be there, seen together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from asb_output_provider.infrastructure.queues import Queue
from asb_output_provider.infrastructure.survey import Found, Survey
from asb_output_provider.infrastructure.wanted import must_be_replaced


@dataclass(frozen=True, slots=True)
class View:
    """`messages` counts by lower-case name of the queue."""

    survey: Survey
    queues: list[Queue] = field(default_factory=list)
    messages: Mapping[str, int] = field(default_factory=dict)

    def wanted(self, name: str) -> Queue | None:
        return next((queue for queue in self.queues if queue.name.lower() == name.lower()), None)

    def going(self, *, destroying: bool) -> list[Found]:
        """Queues of ours that would be deleted, be it to be made anew."""
        return [found for found in self.survey.ours if destroying or self._goes(found)]

    def loss(self, name: str) -> str:
        """A sentence on the messages that would go with the queue; empty where nothing would be lost."""
        count = self.messages.get(name.lower(), 0)
        return f"{count} message{'s' * (count != 1)} in `{name}` that nobody has received" if count else ""

    def _goes(self, found: Found) -> bool:
        wanted = self.wanted(found.name)
        return wanted is None or must_be_replaced(found, wanted)
