"""An output whose infrastructure is queues that azure-native makes: `python -m tests.fakes.pulumi.arm_queues`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from dstream_sdk import Envelope, OutputProvider, run_provider
from dstream_sdk.infra import PulumiInfrastructure

PLACE = {"resourceGroupName": "rg", "namespaceName": "ns"}


class ArmQueuesConfig(BaseModel):
    """`queues`: their properties by name, in the words of Azure Resource Manager."""

    queues: dict[str, dict[str, Any]] = {}


class ArmQueues(OutputProvider[ArmQueuesConfig], PulumiInfrastructure[ArmQueuesConfig]):
    name = "arm-queues-output-provider"
    version = "1.0.0"

    def write(self, batch: Sequence[Envelope]) -> None:
        """Nobody runs it."""

    def program(self) -> None:
        import pulumi  # noqa: PLC0415 - for lifecycle verbs only

        for name, properties in self.config.queues.items():
            pulumi.CustomResource("azure-native:servicebus:Queue", name, {**PLACE, "queueName": name, **properties})


if __name__ == "__main__":
    run_provider(ArmQueues)
