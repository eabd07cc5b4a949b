"""An output on the SDK's host that notes every call, and fails where its config says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import Field

from dstream_sdk import Config, Envelope, Finding, OutputProvider, ProviderError, Rejection, Stream, run_provider


class SinkConfig(Config):
    journal: Path = Field(description="Where calls are noted.", examples=["/tmp/journal"])
    batch_records: int = Field(default=1000, description="The most records of a batch.", examples=[2])
    linger_s: float = Field(default=0.2, description="The longest wait for a full batch, in seconds.", examples=[60])
    returns: list[int] = Field(default=[], description="Values that are rejected by returning.", examples=[[3]])
    raises: list[int] = Field(default=[], description="Values that are rejected by raising.", examples=[[3]])
    fail_at: int = Field(default=0, description="The value at which `write` fails.", examples=[3])
    flush_error: bool = Field(default=False, description="Fail in `flush`.", examples=[True])
    close_error: bool = Field(default=False, description="Fail in `close`.", examples=[True])
    show: str = Field(default="", description="Text to show for each batch.", examples=["hello"])


class Sink(OutputProvider[SinkConfig]):
    name = "sink"

    def open(self) -> None:
        self.batch_records = self.config.batch_records
        self.linger_s = self.config.linger_s

    def write(self, batch: Sequence[Envelope]) -> list[Rejection]:
        values = [envelope.data["value"] for envelope in batch]
        if self.config.fail_at in values:
            raise ProviderError("the far side is down", hint="start it")
        for index, value in enumerate(values):
            if value in self.config.raises:
                self.note(f"write {values[:index]}")
                raise Rejection(index, "too_large", "more than it takes")
        self.note(f"write {values}")
        if self.config.show:
            self.context.show(self.config.show)
        return [Rejection(index, "bad_value") for index, value in enumerate(values) if value in self.config.returns]

    def flush(self) -> None:
        if self.config.flush_error:
            raise OSError("disk full")
        self.note("flush")

    def close(self) -> None:
        self.note("close")
        if self.config.close_error:
            raise OSError("close failed")

    def check(self) -> Iterable[Finding]:
        yield Finding("journal", self.config.journal.parent.is_dir(), remedy="mkdir -p", field="journal")

    def discover(self) -> Iterable[Stream]:
        yield Stream("journal")

    def note(self, text: str) -> None:
        with self.config.journal.open("a") as journal:
            journal.write(text + "\n")


if __name__ == "__main__":
    run_provider(Sink)
