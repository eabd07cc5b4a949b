"""From what HCL says of a provider to something that can be started, with what it announces of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from dstream_sdk.protocol import PROTOCOL_VERSION, Description
from orchestrator.config.model import ProviderSpec
from orchestrator.errors import Where
from orchestrator.pipeline.description import from_bytes, from_label, from_program
from orchestrator.pipeline.sources import Asked, PullPolicy, Sources
from orchestrator.registry.image import PullEvent
from orchestrator.runtime.base import ImageProgram, Launch, Mount, PathProgram, Program

KEPT = "/run/dstream/infrastructure"
"""Where a container finds the folder that it keeps."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A provider that is ready to be started.

    `description` is None for a legacy provider and for one announced by `protocol = 1` alone. `content` is the
    digest of what came from a registry, or the id of an image that was built here; None for a local executable.
    """

    spec: ProviderSpec
    program: Program
    announced: bool
    description: Description | None
    content: str | None = None

    @property
    def name(self) -> str:
        """What the provider calls itself, or what HCL calls it."""
        return self.description.name if self.description else self.spec.reference

    @property
    def source(self) -> str:
        """Its repository without tag or digest, or its path: what stays the same across versions."""
        return source_of(self.spec)

    @property
    def where(self) -> Where:
        """For errors about it."""
        image = f"{self.spec.reference} ({self.content})" if self.content else None
        place = self.spec.where
        return Where(file=place.file, line=place.line, provider=self.name, image=image)

    @property
    def position_keys(self) -> list[str]:
        """The keys of `metadata` that tell the changes of this input apart; none where it does not say."""
        return self.description.position_keys if self.description else []

    def may(self, capability: str) -> bool:
        """Whether it can be expected to declare `capability`; a handshake tells for sure."""
        if not self.announced:
            return False
        return self.description is None or self.description.describe or capability in self.description.capabilities

    def answers(self, command: str) -> bool:
        """Whether it announces `command`."""
        return self.description is not None and command in self.description.commands

    def keeping(self, folder: Path) -> tuple[Prepared, str]:
        """This provider with a folder of this host to write to, and what it calls that folder."""
        if isinstance(self.program, PathProgram):
            return self, str(folder)
        mounts = (*self.spec.mounts, Mount(str(folder), KEPT, read_only=False))
        return replace(self, spec=replace(self.spec, mounts=mounts)), KEPT

    def launch(self, ca_bundle: str | None) -> Launch:
        """How to start it."""
        spec = self.spec
        return Launch(
            role=spec.role,
            program=self.program,
            env=spec.env,
            network=spec.network,
            memory=spec.memory,
            cpus=spec.cpus,
            mounts=spec.mounts,
            user=spec.user,
            platform=spec.platform,
            writable=tuple(self.description.writable) if self.description else (),
            ca_bundle=spec.ca_bundle or ca_bundle,
        )


def source_of(spec: ProviderSpec) -> str:
    """The repository of a provider without tag or digest, or its path."""
    if spec.kind == "path":
        return spec.reference
    name = spec.reference.split("@", 1)[0]
    head, _, last = name.rpartition("/")
    repository = last.split(":", 1)[0]
    return f"{head}/{repository}" if head else repository


def prepare(
    spec: ProviderSpec,
    sources: Sources,
    *,
    pull: PullPolicy,
    on_event: Callable[[PullEvent], None] | None,
) -> Prepared:
    """Resolve a provider: take what is locked, pull it where the policy asks, find its announcement.

    Raises `ConfigError` for what the file can mend and `UnavailableError` where engine or registry fail.
    """
    asked = Asked(spec.reference, spec.where, spec.pull or pull, spec.platform, on_event)
    if spec.kind == "image":
        image = sources.image(asked)
        program: Program = ImageProgram(spec.reference, image.image_id, image.digest)
        content = image.digest or image.image_id
        description = from_label(image.labels, spec)
    elif spec.kind == "path":
        program, content = PathProgram(spec.reference), None
        description = from_program(spec.reference, spec)
    else:
        artifact = sources.artifact(asked)
        program, content = PathProgram(str(artifact.executable)), artifact.digest
        description = from_bytes(artifact.description, spec)
    announced = description is not None or spec.protocol == PROTOCOL_VERSION
    return Prepared(spec, program, announced, description, content)
