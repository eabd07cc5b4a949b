"""The seam between a run and whatever executes its providers.

A runtime starts a provider and gives three byte streams, a way to wait and a way to stop.
Nothing above this module knows containers, processes or pods.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from orchestrator.config.model import Mount, Role

__all__ = [
    "ByteSink",
    "ByteSource",
    "Exit",
    "ImageProgram",
    "Launch",
    "Leftover",
    "Mount",
    "PathProgram",
    "Program",
    "Role",
    "RunningProvider",
    "Runtime",
    "Scope",
    "StreamBroken",
    "Usage",
]


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose providers these are. Every container and process of a run carries it.

    `project` identifies the state directory and survives a move of it.
    """

    project: str
    task: str
    run_id: str


@dataclass(frozen=True, slots=True)
class ImageProgram:
    """An image to run as a container, pinned.

    `reference` is what the user wrote, `digest` the registry's digest of it where one is known
    (an image built on this host has none), `image_id` what the engine runs.
    """

    reference: str
    image_id: str
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class PathProgram:
    """A local executable, absolute."""

    path: str


Program = ImageProgram | PathProgram


@dataclass(frozen=True, slots=True)
class Launch:
    """Everything a runtime needs to start one provider. Secrets never travel here.

    `memory` is in bytes, `cpus` a number of cores. `writable` are container paths that the
    provider's description asks to write to; `ca_bundle` is a host file.
    """

    role: Role
    program: Program
    args: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    network: str | None = None
    memory: int | None = None
    cpus: float | None = None
    mounts: Sequence[Mount] = ()
    user: str | None = None
    platform: str | None = None
    writable: Sequence[str] = ()
    ca_bundle: str | None = None
    working_directory: str | None = None


@dataclass(frozen=True, slots=True)
class Exit:
    """How a provider ended. `status` is its exit code, or None where a signal ended it."""

    status: int | None
    signal: int | None = None
    oom_killed: bool = False

    @property
    def clean(self) -> bool:
        return self.status == 0

    def __str__(self) -> str:
        if self.oom_killed:
            return "was killed: out of memory"
        if self.signal is not None:
            return f"was killed by signal {self.signal}"
        return f"exited {self.status}"


@dataclass(frozen=True, slots=True)
class Usage:
    """What a provider takes of its host. `cpu_s` are seconds of one core since it started, memory is in bytes."""

    cpu_s: float
    memory: int
    memory_limit: int | None = None


class StreamBroken(Exception):
    """The transport under a stream failed: what was written may not have arrived."""


class ByteSource(Protocol):
    """A provider's stdout or stderr. One reader at a time."""

    def fileno(self) -> int:
        """What to poll for reading once `read_into` has returned None."""

    def read_into(self, buffer: memoryview) -> int | None:
        """Fill `buffer` from its start without blocking.

        Returns the number of bytes, 0 at the end of the stream, None when nothing is there yet.
        Raises `StreamBroken` when the end is not the provider's doing.
        """

    def close(self) -> None:
        """Give the stream up. Idempotent."""


class ByteSink(Protocol):
    """A provider's stdin. One writer at a time."""

    def fileno(self) -> int:
        """What to poll for writing once `write` has returned 0."""

    def write(self, data: memoryview | bytes) -> int:
        """Write without blocking; returns how many bytes were taken, 0 when there is no room.

        After 0, the next write must begin with the same bytes: under TLS some may be on their way.
        Raises `StreamBroken` when the reader is gone. Its absence proves nothing: a write to a
        dead container's stdin succeeds, so death is learned from `wait`.
        """

    def close(self) -> None:
        """Give the provider EOF. Idempotent."""


class RunningProvider(Protocol):
    """One started provider. `wait`, `usage`, `terminate` and `kill` may be called from any thread."""

    @property
    def identity(self) -> str:
        """Container id or `pid 123`, for people."""

    @property
    def stdin(self) -> ByteSink: ...

    @property
    def stdout(self) -> ByteSource: ...

    @property
    def stderr(self) -> ByteSource: ...

    def wait(self, timeout: float | None = None) -> Exit | None:
        """Block until the provider has ended or `timeout` seconds have passed (then None).

        Raises `UnavailableError` (`engine.lost`) when nobody can tell any more.
        """

    def usage(self, timeout: float) -> Usage | None:
        """What it takes at this moment; None once it has ended, or where this host cannot tell.

        Blocks for `timeout` seconds at most. Raises `UnavailableError` (`engine.…`) when nobody can be asked.
        """

    def terminate(self) -> None:
        """Send SIGTERM to the provider's main process. A provider that is gone is no error."""

    def kill(self) -> None:
        """Send SIGKILL to everything the provider started. A provider that is gone is no error.

        `terminate` and `kill` raise `UnavailableError` (`engine.…`) when nobody can be asked; `dispose` goes on trying.
        """

    def dispose(self, deadline: float) -> None:
        """Close the streams, kill, see it gone and remove it, within `deadline` seconds.

        Idempotent. Raises `UnavailableError` (`runtime.leftover`) naming what could not be removed;
        the guard and the next command's fencing still know of it.
        """


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something that an earlier run of this project started and did not remove."""

    scope: Scope
    identity: str


class Runtime(Protocol):
    """Starts providers of one kind for one scope."""

    def start(self, launch: Launch) -> RunningProvider:
        """Start a provider, attached, with the guard already watching it. Blocks until started.

        Called from the main thread. Raises `ConfigError` for what the user can mend in the file (not executable, wrong
        platform, unknown network) and `UnavailableError` where the host cannot.
        """

    def leftovers(self) -> Sequence[Leftover]:
        """What any earlier run of this project left, other runs of it that are alive included."""

    def remove(self, leftover: Leftover, deadline: float) -> None:
        """Kill it and see it gone. Raises `UnavailableError` (`runtime.leftover`) if it stays."""

    def close(self) -> None:
        """Dismiss the guard and give up connections; every provider must be disposed before."""
