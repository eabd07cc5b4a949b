"""Shows records as text, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from console_output_provider import __version__
from console_output_provider.config import ConsoleConfig
from dstream_sdk import Envelope, OutputProvider


class Console(OutputProvider[ConsoleConfig]):
    name = "console-output-provider"
    version = __version__
    title = "Console"
    description = "Shows every record on the terminal of the one who runs the task."

    def open(self) -> None:
        self._format = _FORMATS[self.config.output_format]

    def write(self, batch: Sequence[Envelope]) -> None:
        self.context.show("\n".join(map(self._format, batch)))


def _simple(envelope: Envelope) -> str:
    metadata = envelope.metadata
    number = metadata.get("seq", metadata.get("Seq"))
    place = metadata.get("TableName", metadata.get("source"))
    data = msgspec.json.encode(envelope.data).decode()
    return " ".join(part for part in ("" if number is None else f"#{number}", str(place or ""), data) if part)


def _json(envelope: Envelope) -> str:
    return msgspec.json.encode(envelope).decode()


def _pretty(envelope: Envelope) -> str:
    return msgspec.json.format(msgspec.json.encode(envelope), indent=2).decode()


_FORMATS: dict[str, Callable[[Envelope], str]] = {"simple": _simple, "json": _json, "pretty": _pretty}
