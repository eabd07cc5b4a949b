"""Deleting a queue, and what must hold for it."""

from __future__ import annotations

from azure.core.exceptions import ResourceNotFoundError
from azure.servicebus.management import ServiceBusAdministrationClient

from asb_output_provider.infrastructure.marks import Mark


class QueueRefused(Exception):
    """Something that is not done to a queue, in words for the user."""


def remove(admin: ServiceBusAdministrationClient, name: str, owner: Mark, *, allow_data_loss: bool) -> None:
    """Delete the queue if it bears its owner's mark; one that bears another by now is someone else's, and stays.

    It is looked at once more, since messages may have come after the plan was shown: raises `QueueRefused` then.
    Succeeds where there is none.
    """
    try:
        if not owner.same_owner(Mark.read(admin.get_queue(name).user_metadata)):
            return
        messages = 0 if allow_data_loss else admin.get_queue_runtime_properties(name).total_message_count or 0
        if messages:
            raise QueueRefused(f"queue `{name}` holds {messages} messages that would be lost")
        admin.delete_queue(name)
    except ResourceNotFoundError:
        return
