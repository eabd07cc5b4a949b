"""The Pulumi program: the same queues, by whichever way they are made."""

from __future__ import annotations

from collections.abc import Iterable

import pulumi

from asb_output_provider.config import AsbConfig
from asb_output_provider.infrastructure.queues import Queue


def declare(config: AsbConfig, queues: Iterable[Queue], existing: frozenset[str]) -> None:
    """Declare the queues. `existing` are the names of those that are there and that the stack does not know yet."""
    for queue in queues:
        # What someone else made leaves the stack without being deleted.
        options = pulumi.ResourceOptions(retain_on_delete=not queue.ours, delete_before_replace=True)
        if config.azure is None:
            from asb_output_provider.infrastructure.queue_provider import NamespaceQueue  # noqa: PLC0415 - one way

            NamespaceQueue(queue, options)
        else:
            from asb_output_provider.infrastructure.resource_manager import declare_queue  # noqa: PLC0415 - the other

            declare_queue(config, config.azure, queue, options, existing=queue.name in existing)
