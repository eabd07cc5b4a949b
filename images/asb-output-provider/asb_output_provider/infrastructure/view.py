"""What is there and what shall be there, seen together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from asb_output_provider.infrastructure.queues import Queue
from asb_output_provider.infrastructure.survey import Found, Survey
from asb_output_provider.infrastructure.wanted import must_be_replaced


class View:
    """`messages` counts by lower-case name of the queue."""

    def __init__(
        self, survey: Survey, queues: Sequence[Queue] = (), messages: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self.survey = survey
        self.queues = queues
        self._wanted = {queue.name.lower(): queue for queue in queues}
        self._messages = messages

    def wanted(self, name: str) -> Queue | None:
        return self._wanted.get(name.lower())

    def unwanted(self, *, destroying: bool) -> list[Found]:
        """Queues of ours that are to go for good."""
        return [found for found in self.survey.ours if destroying or self.wanted(found.name) is None]

    def losses(self, *, destroying: bool) -> list[str]:
        """What would be lost with the queues that are to go, be it to be made anew."""
        going = self.unwanted(destroying=destroying) + ([] if destroying else self._replaced())
        return [sentence for found in going if (sentence := self.loss(found.name))]

    def loss(self, name: str) -> str:
        """A sentence on the messages that would go with the queue; empty where nothing would be lost."""
        count = self._messages.get(name.lower(), 0)
        return f"{count} message{'s' * (count != 1)} in `{name}` that nobody has received" if count else ""

    def _replaced(self) -> list[Found]:
        ours = self.survey.ours
        return [found for found in ours if (queue := self.wanted(found.name)) and must_be_replaced(found, queue)]
