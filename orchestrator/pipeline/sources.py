"""Where providers come from: the reference that is meant, on this host, and trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeVar

from orchestrator.errors import ConfigError, Where
from orchestrator.registry.artifacts import Artifacts, ResolvedArtifact
from orchestrator.registry.image import PullEvent, ResolvedImage
from orchestrator.registry.lockfile import Lock
from orchestrator.registry.reference import Reference

PullPolicy = Literal["missing", "always", "never"]
Found = TypeVar("Found", ResolvedImage, ResolvedArtifact)


class Images(Protocol):
    """Where images come from; `orchestrator.registry.pull.EngineImages` is the one there is."""

    def resolve(
        self,
        reference: str,
        *,
        pull: PullPolicy,
        platform: str | None,
        on_event: Callable[[PullEvent], None] | None,
        where: Where,
    ) -> ResolvedImage:
        """Blocks while it pulls. Raises `ConfigError` and `UnavailableError` as documented there, at `where`."""


class Verifier(Protocol):
    """Who is trusted; `orchestrator.registry.trust.verifier.Verifier` is the one there is."""

    def verify(self, reference: Reference, *, where: Where) -> object:
        """Raises `ConfigError` and `UnavailableError` as documented there, at `where`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One provider that is to be fetched. `on_event` is told how a pull goes; what it raises ends the pull."""

    reference: str
    where: Where
    pull: PullPolicy
    platform: str | None = None
    on_event: Callable[[PullEvent], None] | None = None

    def as_written(self, event: PullEvent) -> None:
        """Pass an event on, with the reference that stands in the file and not its locked digest."""
        if self.on_event is not None:
            self.on_event(replace(event, reference=self.reference))


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the providers of one project come from. For one thread at a time.

    What is locked is taken by its digest, whatever its tag has become. `verifier` is None where the project has
    no `trust` block.
    """

    images: Images
    artifacts: Artifacts
    lock: Lock
    verifier: Verifier | None = None

    def image(self, asked: Asked) -> ResolvedImage:
        """The image that is meant, on the engine and trusted when this returns. Blocks while it pulls.

        Raises `ConfigError` (`lock.missing`, `lock.stale`, `trust.…`) and what `images` and `verifier` do.
        """
        image = self._fetch(self.images.resolve, asked)
        self._verify(asked, image.digest, image.also)
        return image

    def artifact(self, asked: Asked) -> ResolvedArtifact:
        """The artifact that is meant, on this host and trusted when this returns. As `image`."""
        artifact = self._fetch(self.artifacts.resolve, asked)
        self._verify(asked, artifact.digest)
        return artifact

    def _fetch(self, resolve: Callable[..., Found], asked: Asked) -> Found:
        reference = Reference.parse(asked.reference, where=asked.where)
        pinned = self.lock.pin(reference, asked.where)
        text = asked.reference if pinned == reference else str(pinned)
        try:
            return resolve(text, pull=asked.pull, platform=asked.platform, on_event=asked.as_written, where=asked.where)
        except ConfigError as error:
            if error.code == "image.not_found" and pinned != reference:
                upgrade = f"dstream providers lock --upgrade {asked.reference}"
                error.hint = f"the lock has a digest that is no longer there; `{upgrade}` takes what the tag means now"
            raise

    def _verify(self, asked: Asked, digest: str | None, also: tuple[str, ...] = ()) -> None:
        """The same content under several digests is signed where one of them is; where none is, `digest` is not."""
        if self.verifier is None:
            return
        reference = Reference.parse(asked.reference, where=asked.where)
        try:
            self.verifier.verify(reference.with_digest(digest) if digest else reference, where=asked.where)
        except ConfigError:
            if not any(self._signed(reference.with_digest(other), asked.where) for other in also):
                raise

    def _signed(self, reference: Reference, where: Where) -> bool:
        try:
            return self.verifier is not None and self.verifier.verify(reference, where=where) is not None
        except ConfigError:
            return False
