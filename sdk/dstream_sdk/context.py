"""What a running provider knows of its run, and what it may ask of its host."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from dstream_sdk.protocol.messages import CommandOptions, Role, Stream
from dstream_sdk.stop import Stop


def _nothing() -> None:
    """Nothing is buffered before a run."""


def _ignore(_: Any) -> None:
    """Nobody listens before the handshake."""


@dataclass(slots=True)
class Port:
    """How the context reaches the run it belongs to; the run puts its own methods here."""

    flush: Callable[[], None] = _nothing
    stats: Callable[[dict[str, Any]], None] = _ignore
    show: Callable[[str], None] = _ignore


@dataclass(frozen=True, slots=True)
class Context:
    """Of one command. Every method may be called from any thread.

    `state` is the state of the checkpoint to resume from, decoded, or None to begin at the
    beginning. `streams` are those the input announced, where this provider is an output.
    """

    command: str
    role: Role
    task: str = ""
    run_id: str = ""
    delivery: str | None = None
    state: Any = None
    options: dict[str, Any] = field(default_factory=dict)
    streams: list[Stream] | None = None
    logger: logging.Logger = field(default_factory=lambda: logging.getLogger("dstream"))
    stop: Stop = field(default_factory=Stop, repr=False)
    port: Port = field(default_factory=Port, repr=False)

    @property
    def command_options(self) -> CommandOptions:
        """Those of `options` that this version of the SDK knows; what was not given has its default."""
        return msgspec.convert(self.options, CommandOptions)

    @property
    def stopping(self) -> bool:
        """True once the run should wind down: SIGTERM came, or the orchestrator is gone."""
        return self.stop.requested

    def wait(self, seconds: float) -> bool:
        """Sleep, but return at once when the run should wind down. Returns `stopping`.

        What was yielded so far is sent before the sleep.
        """
        self.port.flush()
        return self.stop.wait(seconds)

    def stats(self, **figures: float | str | None) -> None:
        """Publish figures such as `lag_s=0.4`; the newest are kept. Does nothing for an older orchestrator."""
        self.port.stats(figures)

    def show(self, text: str) -> None:
        """Show lines to the user, from an output. They may be dropped if nobody reads the terminal."""
        self.port.show(text)
