"""Azure Service Bus as an output: a queue for every table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from asb_output_provider import __version__
from asb_output_provider.config import AsbConfig
from dstream_sdk import Envelope, OutputProvider, Rejection


class AsbOutput(OutputProvider[AsbConfig]):
    name = "asb-output-provider"
    version = __version__
    title = "Azure Service Bus"
    description = "Each table's records in its own queue, in order, with duplicates detected."
    system = "Azure Service Bus"
    network: ClassVar[Sequence[str]] = ("*:5671", "*:443")

    def write(self, batch: Sequence[Envelope]) -> Iterable[Rejection]:
        raise NotImplementedError
