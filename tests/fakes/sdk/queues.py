"""An output that owns infrastructure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dstream_sdk import Envelope, InfrastructureProvider, LifecycleReply, OutputProvider, Resource, run_provider


class Queues(OutputProvider[Any], InfrastructureProvider[Any]):
    name = "queues"

    def write(self, batch: Sequence[Envelope]) -> None:
        """Nowhere."""

    def init(self) -> LifecycleReply:
        raise RuntimeError("quota exceeded")

    def plan(self) -> LifecycleReply:
        names = [stream.name for stream in self.context.streams or []]
        return LifecycleReply("Success", [Resource("queue", f"{name}_cdc_events", "create") for name in names])

    def status(self) -> LifecycleReply:
        return LifecycleReply("Failed", error="gone")

    def destroy(self) -> LifecycleReply:
        self.context.wait(30)
        return LifecycleReply("Success", message="stopped" if self.context.stopping else "destroyed")


if __name__ == "__main__":
    run_provider(Queues)
