"""An input on the SDK's host, with the bad habits that its config asks for."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, SecretStr

from dstream_sdk import Checkpoint, Config, Context, Envelope, InputProvider, ProviderError, run_provider


class SourceConfig(Config):
    count: int = Field(default=10, description="How many records; 0 never ends.", examples=[3])
    every: int = Field(default=5, description="Records between two checkpoints; 0 has none.", examples=[10])
    noisy: bool = Field(default=False, description="Print, and let a child process print.", examples=[True])
    stubborn: bool = Field(default=False, description="Do not look at `stopping`.", examples=[True])
    pause_s: float = Field(default=0, description="Seconds between two records.", examples=[0.1])
    fail_at: int = Field(default=0, description="The record instead of which it fails.", examples=[3])
    open_error: str = Field(default="", description="What `open` complains of.", examples=["login failed"])
    ack_error: bool = Field(default=False, description="Fail in `acknowledged`.", examples=[True])
    late_signal: bool = Field(default=False, description="SIGTERM comes while the process exits.", examples=[True])
    journal: Path = Field(default=Path("/dev/null"), description="Where calls are noted.", examples=["/tmp/journal"])
    password: SecretStr = Field(default=SecretStr(""), description="A secret.")


class Source(InputProvider[SourceConfig]):
    name = "source"
    version = "1.2.3"
    checkpoints: ClassVar[bool] = True

    def open(self) -> None:
        self.note("open")
        if self.config.open_error:
            raise ProviderError(self.config.open_error, hint="ask the owner")
        if self.config.late_signal:
            atexit.register(os.kill, os.getpid(), signal.SIGTERM)

    def close(self) -> None:
        self.note("close")

    def read(self, context: Context) -> Iterator[Envelope | Checkpoint]:
        value = (context.state or {"value": 0})["value"]
        while (not self.config.count or value < self.config.count) and (self.config.stubborn or not context.stopping):
            value += 1
            if value == self.config.fail_at:
                raise RuntimeError("the source is broken")
            if self.config.noisy:
                self.make_noise()
            yield Envelope({"value": value}, {"seq": value})
            if self.config.every and value % self.config.every == 0:
                yield Checkpoint({"value": value})
            if self.config.pause_s:
                context.wait(self.config.pause_s)

    def make_noise(self) -> None:
        print('{"data":"stray"}', flush=True)
        logging.getLogger("library").warning("a library warns")
        subprocess.run([sys.executable, "-c", "print('{\"end\":{}}')"], check=True)

    def acknowledged(self, checkpoint: Checkpoint) -> None:
        if self.config.ack_error:
            raise RuntimeError("the slot is gone")
        self.note(f"acknowledged {checkpoint.state['value']}")

    def on_signal(self, signal: dict[str, Any]) -> None:
        self.note(f"signal {signal['kind']}")

    def note(self, text: str) -> None:
        with self.config.journal.open("a") as journal:
            journal.write(text + "\n")


if __name__ == "__main__":
    run_provider(Source)
