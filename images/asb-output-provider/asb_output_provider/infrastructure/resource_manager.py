"""Queues made through Azure Resource Manager, by Pulumi's azure-native plugin."""

from __future__ import annotations

import pulumi
from pulumi_azure_native import servicebus

from asb_output_provider.config import AsbConfig, AzureConfig
from asb_output_provider.infrastructure.queues import Queue


def declare_queue(
    config: AsbConfig, azure: AzureConfig, queue: Queue, options: pulumi.ResourceOptions, *, existing: bool
) -> None:
    """Declare the queue; an `existing` one that the stack does not know yet is imported as it is.

    Pulumi imports nothing that differs from what is declared, so the next update makes it as it shall be.
    """
    if existing:
        as_it_is = pulumi.ResourceOptions(
            import_=resource_id(config, azure, queue.name), ignore_changes=[*queue.properties, "user_metadata"]
        )
        options = pulumi.ResourceOptions.merge(options, as_it_is)
    servicebus.Queue(
        queue.name,
        resource_group_name=azure.resource_group,
        namespace_name=config.target.name,
        queue_name=queue.name,
        user_metadata=queue.user_metadata,
        opts=options,
        **queue.properties,
    )


def resource_id(config: AsbConfig, azure: AzureConfig, queue: str) -> str:
    """What Azure Resource Manager calls the queue."""
    return (
        f"/subscriptions/{azure.subscription_id}/resourceGroups/{azure.resource_group}"
        f"/providers/Microsoft.ServiceBus/namespaces/{config.target.name}/queues/{queue}"
    )
