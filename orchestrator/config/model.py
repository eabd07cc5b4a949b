"""What dstream.hcl says, decoded and checked: plain data for everything above.

Nothing here has looked at the disk, an engine or a registry; whether an executable or an image
exists is found out when the task runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from orchestrator.config.encoding import encode_json
from orchestrator.config.nearest import suggestion
from orchestrator.config.values import JSON
from orchestrator.errors import ConfigError, Where

__all__ = [
    "JSON",
    "LOCK_VERSION",
    "DeadLetter",
    "Delivery",
    "Kind",
    "LockedProvider",
    "Mount",
    "Project",
    "ProviderSpec",
    "PullPolicy",
    "Restart",
    "RestartPolicy",
    "Role",
    "SharedState",
    "Task",
    "Trust",
    "TrustedNamespace",
    "Use",
    "encode_json",
]

Role = Literal["input", "output"]
Kind = Literal["image", "ref", "path"]
PullPolicy = Literal["missing", "always", "never"]
RestartPolicy = Literal["no", "on-failure", "always"]
LOCK_VERSION = 1


@dataclass(frozen=True, slots=True)
class Mount:
    """A host path (absolute) or a named volume made visible at `target`."""

    source: str
    target: str
    read_only: bool = True


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """One `input` or `output` block.

    `reference` is the image or artifact as written, or for kind `path` an absolute path. `memory` is
    in bytes, `cpus` in cores, `ready_timeout` in seconds; None leaves the choice to the settings.
    `secrets` are the texts in `config` that came from `env()`, `file()` or a sensitive variable, and
    what they were made from. `config_where` has the place of every key path of `config`.
    """

    role: Role
    kind: Kind
    reference: str
    where: Where
    config: dict[str, JSON] = field(default_factory=dict, repr=False)
    config_where: Mapping[tuple[str | int, ...], Where] = field(default_factory=dict, repr=False)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    env: Mapping[str, str] = field(default_factory=dict)
    network: str | None = None
    memory: int | None = None
    cpus: float | None = None
    mounts: tuple[Mount, ...] = ()
    user: str | None = None
    pull: PullPolicy | None = None
    platform: str | None = None
    ready_timeout: float | None = None
    protocol: int | None = None
    ca_bundle: str | None = None


@dataclass(frozen=True, slots=True)
class Restart:
    """What happens when a run fails. Times are in seconds; `max_retries` None is without limit.

    The pause starts at `backoff` and doubles up to `max_backoff`; after `reset_after` of a run that
    went well, pause and count begin anew.
    """

    policy: RestartPolicy = "no"
    max_retries: int | None = None
    backoff: float = 1.0
    max_backoff: float = 60.0
    reset_after: float = 300.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """How many records a crash may repeat, and for how many seconds an output may acknowledge nothing.

    `ack_timeout` None leaves the choice to the settings.
    """

    max_in_flight: int = 100_000
    ack_timeout: float | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Where rejected records go besides the state: a file, or a provider of their own.

    More than `max` of them fail the run; None is without limit.
    """

    path: str | None = None
    provider: ProviderSpec | None = None
    max: int | None = None


@dataclass(frozen=True, slots=True)
class Task:
    name: str
    input: ProviderSpec
    output: ProviderSpec
    where: Where
    delivery: Delivery = Delivery()
    restart: Restart = Restart()
    dead_letter: DeadLetter | None = None


@dataclass(frozen=True, slots=True)
class TrustedNamespace:
    """Whose signature counts for what lies under `name`, a registry and the start of a path.

    Either `key`, the absolute path of a PEM file, or `identity` and `issuer` as a Sigstore certificate has
    them; in `identity` a `*` stands for any text. `trust_root` is the absolute path of the `trusted_root.json`
    of another Sigstore than the public one.
    """

    name: str
    where: Where
    key: str | None = None
    identity: str | None = None
    issuer: str | None = None
    trust_root: str | None = None


@dataclass(frozen=True, slots=True)
class Trust:
    """The `trust` block. With `require` nothing unsigned starts, and nothing that no namespace covers."""

    require: bool = True
    namespaces: tuple[TrustedNamespace, ...] = ()


@dataclass(frozen=True, slots=True)
class SharedState:
    """The `state "azure_blob"` block: a container of Azure Storage in which several hosts keep state together.

    `connection_string` is secret. `prefix` goes before every blob's name. A host that stops answering loses its
    tasks to another after `term` seconds.
    """

    connection_string: str = field(repr=False)
    container: str
    where: Where
    prefix: str = ""
    term: float = 30.0


@dataclass(frozen=True, slots=True)
class LockedProvider:
    """What one reference meant when it was locked.

    `reference` is normalised, its tag spelt out. `digest` is what the registry answers to it: for an image of
    several `platforms` the index's, so it is the same on every host. `description` is the digest of what the
    provider announces of itself, `signer` whose signature was seen, `date` the day in UTC (`2026-11-30`).
    """

    reference: str
    digest: str
    date: str
    platforms: tuple[str, ...] = ()
    description: str | None = None
    signer: str | None = None
    where: Where = field(default=Where(), compare=False)


@dataclass(frozen=True, slots=True)
class Use:
    """One place in the file that names a provider, and as what."""

    task: str
    role: Role
    kind: Kind
    reference: str
    where: Where
    platform: str | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """A file's tasks. `path` is absolute; its folder is where relative paths start and state is kept.

    `tasks` decodes a task when it is first taken, so a variable that only another task needs may be
    unset. Taking one, or iterating over the values, raises `ConfigError` for what is wrong in it.
    `uses` gives every provider of every task, evaluating nothing but its name and platform: a file whose
    `config` needs variables that are not set can still be locked. It raises `ConfigError` as well.
    `dead_letter_path` gives the file in which a task's dead letters are kept besides, evaluating nothing else.
    `trust` is None where the file has no such block, `locked` (by reference) where there is no lock file.
    `state` gives where state is shared, None where it stays on this host, and raises `ConfigError`: whoever never
    opens the state need not know its secrets.
    """

    path: Path
    tasks: Mapping[str, Task]
    trust: Trust | None = None
    uses: Callable[[], Iterator[Use]] = field(default=lambda: iter(()))
    dead_letter_path: Callable[[str], Path | None] = field(default=lambda _: None)
    locked: Mapping[str, LockedProvider] | None = None
    state: Callable[[], SharedState | None] = field(default=lambda: None)

    @property
    def lock_path(self) -> Path:
        """Where the lock of this file is, whether or not there is one: `dstream.lock.hcl`."""
        return lock_path(self.path)

    def task(self, name: str) -> Task:
        """The task called `name`. Raises `ConfigError` (`config.unknown_task`, or what is wrong in it)."""
        self.require(name)
        return self.tasks[name]

    def require(self, name: str) -> None:
        """See that there is a task called `name`, decoding nothing. Raises `ConfigError` (`config.unknown_task`)."""
        if name not in self.tasks:
            hint = suggestion(name, self.tasks) or "the file has no tasks"
            message = f"no task `{name}` in {self.path.name}"
            raise ConfigError("config.unknown_task", message, hint=hint, where=Where(file=str(self.path)))


def lock_path(path: Path) -> Path:
    """Where the lock of the configuration file `path` is: every file has one of its own."""
    return path.with_suffix(".lock.hcl")
