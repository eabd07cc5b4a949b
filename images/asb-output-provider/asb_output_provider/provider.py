"""Azure Service Bus as an output: a queue for every table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import ClassVar

from asb_output_provider import __version__, checking
from asb_output_provider.client import open_client, quiet_library
from asb_output_provider.config import AsbConfig
from asb_output_provider.creating import create_queue
from asb_output_provider.infrastructure.lifecycle import QueueInfrastructure
from asb_output_provider.queue_writer import QueueWriter
from asb_output_provider.routing import Route, Routes
from asb_output_provider.writing import Writing
from dstream_sdk import Envelope, Finding, OutputProvider, Rejection

FIRST_ANSWER_S = 10.0
"""How long `open` waits for Service Bus: within the time that an orchestrator gives a provider to get ready."""


class AsbOutput(OutputProvider[AsbConfig], QueueInfrastructure):
    name = "asb-output-provider"
    version = __version__
    title = "Azure Service Bus"
    description = "Each table's records in its own queue, in order, with duplicates detected."
    system = "Azure Service Bus"
    network: ClassVar[Sequence[str]] = ("*:5671", "*:443")

    # Several queues' full batches, of 256 KiB or 1 MiB each, in one go.
    batch_records = 10_000
    batch_bytes = 4 * 1024 * 1024

    def open(self) -> None:
        quiet_library()
        options = self.context.command_options
        owner = (options.project, self.context.task)
        routes = Routes(self.config, self.context.streams or [], options.position_keys, owner=owner)
        self._client = open_client(self.config)
        self._writing = Writing(routes, partial(self._writer, options.project), parallelism=self.config.parallelism)
        self._writing.reach(within_s=min(FIRST_ANSWER_S, self.config.retry_timeout))

    def write(self, batch: Sequence[Envelope]) -> Iterable[Rejection]:
        return self._writing.write(batch)

    def close(self) -> None:
        if hasattr(self, "_writing"):
            self._writing.close()

    def check(self) -> Iterable[Finding]:
        quiet_library()
        return checking.check(self.config, self.context)

    def _writer(self, project: str, route: Route) -> QueueWriter:
        create = partial(create_queue, self.config, route.table, route.queue, project=project, task=self.context.task)
        return QueueWriter(
            route.queue,
            self._client,
            self.context,
            retry_s=self.config.retry_timeout,
            create=create if self.config.auto_create else None,
        )
