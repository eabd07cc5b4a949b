"""The classes that a provider derives from.

A provider names its config model as the class's parameter and implements the verbs that it has;
the host calls them, and the description is read off the class.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, get_args, get_origin

if TYPE_CHECKING:
    from dstream_sdk.context import Context
    from dstream_sdk.errors import Rejection
    from dstream_sdk.protocol.messages import Envelope, Finding, LifecycleReply, Stream

ConfigT = TypeVar("ConfigT")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The input can resume here: a later run that gets `state` continues with the next record.

    `state` is JSON, at most 1 MiB, without secrets.
    """

    state: Any


class Provider(ABC, Generic[ConfigT]):
    """What inputs and outputs share.

    `name` and `version` are those of the image. `system` is what it reads or writes, in its maker's
    spelling (`SQL Server`), so that people find it. `state_version` rises when state of older
    versions cannot be read any more. `position_keys` of an input are those of `metadata` that, with the
    stream and the operation, name one change for ever: outputs tell repeats by them. `network`
    (`host:port` patterns) and `writable` (container paths besides `/tmp`) tell the user what the
    provider needs from its surroundings.
    """

    name: ClassVar[str]
    version: ClassVar[str] = ""
    title: ClassVar[str] = ""
    description: ClassVar[str] = ""
    system: ClassVar[str] = ""
    state_version: ClassVar[int] = 1
    position_keys: ClassVar[Sequence[str]] = ()
    network: ClassVar[Sequence[str]] = ()
    writable: ClassVar[Sequence[str]] = ()

    config_model: ClassVar[type[Any] | None] = None
    """The class's parameter, set when the class is made; None for a provider without config."""

    context: Context
    """Set by the host before anything but the constructor is called."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        for base in getattr(cls, "__orig_bases__", ()):
            origin = get_origin(base)
            if isinstance(origin, type) and issubclass(origin, Provider):
                for argument in get_args(base):
                    if isinstance(argument, type) and argument is not Any:
                        cls.config_model = argument

    def __init__(self, config: ConfigT) -> None:
        """Keep the config. Connect in `open`, not here."""
        self.config = config

    def open(self) -> None:
        """Connect. Called once, before the handshake of `run`; what it raises is the handshake's error."""

    def close(self) -> None:
        """Give up what `open` took. Called once after `open` was entered, also when it or the run failed."""

    def check(self) -> Iterable[Finding]:
        """Look at everything that a run needs and say for each whether it is there. Changes nothing."""
        return ()

    def discover(self) -> Iterable[Stream]:
        """The streams that a run with this config would carry."""
        return ()


class InputProvider(Provider[ConfigT]):
    """Reads a source. Set `checkpoints = True` when `read` yields checkpoints."""

    checkpoints: ClassVar[bool] = False

    @abstractmethod
    def read(self, context: Context) -> Iterator[Envelope | Checkpoint]:
        """Yield records, and checkpoints where a later run may resume from `context.state`.

        Called once, on the main thread. Yield a last checkpoint and return once
        `context.stopping`; wait with `context.wait`. A provider that goes on regardless is taken
        up to its next checkpoint. Returning ends the stream. What was yielded must not be changed.
        """

    def acknowledged(self, checkpoint: Checkpoint) -> None:
        """The checkpoint is durable: the source may forget what lies before it.

        Cumulative: not every checkpoint gets its own call. Called on a thread of the host's, never
        twice at once; what it raises ends the run. Also called between the last record and `close`.
        """

    def on_signal(self, signal: dict[str, Any]) -> None:
        """A request to the running input, such as `{"kind": "snapshot"}`. Called as `acknowledged` is."""


class OutputProvider(Provider[ConfigT]):
    """Writes to a far side.

    A batch is written once it holds `batch_records` records or `batch_bytes` bytes of lines, once
    its first record is `linger_s` seconds old, or earlier when the input waits for an ack. All
    three may be set in `open`. A batch never holds more than `batch_records`, and may exceed
    `batch_bytes` by one read (64 KiB) or one record.
    """

    batch_records: int = 1000
    batch_bytes: int = 1024 * 1024
    linger_s: float = 0.2

    @abstractmethod
    def write(self, batch: Sequence[Envelope]) -> Iterable[Rejection] | None:
        """Write the records in their order; returning means that all but the rejections are written.

        Called on the main thread, never with an empty batch. May block: that slows the input.
        What it raises, except a `Rejection`, ends the run with nothing of the batch acknowledged.
        """

    def flush(self) -> None:
        """Make durable what was written. Called before every ack; for writers that buffer."""


class InfrastructureProvider(Provider[ConfigT]):
    """Owns infrastructure; combined with another: `class Asb(OutputProvider[C], InfrastructureProvider[C])`.

    Each verb returns a reply; what it raises becomes a reply with status `Failed`. Once
    `self.context.stopping` it should stop in a consistent state. `open` is not called before.
    """

    @abstractmethod
    def init(self) -> LifecycleReply:
        """Create what is missing and update what differs. Repeatable."""

    @abstractmethod
    def plan(self) -> LifecycleReply:
        """Say what `init` would do. Changes nothing."""

    @abstractmethod
    def status(self) -> LifecycleReply:
        """Say what is there. Changes nothing."""

    @abstractmethod
    def destroy(self) -> LifecycleReply:
        """Remove what `init` made."""
