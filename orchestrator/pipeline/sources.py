"""Where providers come from: the reference that is meant, on this host, and trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from orchestrator.errors import Where
from orchestrator.registry.artifacts import Artifacts, ResolvedArtifact
from orchestrator.registry.image import PullEvent, ResolvedImage
from orchestrator.registry.lockfile import Lock
from orchestrator.registry.reference import Reference

PullPolicy = Literal["missing", "always", "never"]


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
    """Who is trusted; `orchestrator.registry.trust.Verifier` is the one there is."""

    def verify(self, reference: Reference, *, where: Where) -> object:
        """Raises `ConfigError` and `UnavailableError` as documented there, at `where`."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the providers of one project come from. For one thread at a time.

    `verifier` is None where the project has no `trust` block.
    """

    images: Images
    artifacts: Artifacts
    lock: Lock
    verifier: Verifier | None = None

    def image(
        self,
        reference: str,
        *,
        pull: PullPolicy,
        platform: str | None,
        on_event: Callable[[PullEvent], None] | None,
        where: Where,
    ) -> ResolvedImage:
        """The image that is meant by `reference`, on the engine and trusted when this returns.

        Blocks while it pulls. What is locked is taken by its digest, whatever its tag has become. Raises
        `ConfigError` (`lock.missing`, `lock.stale`, `trust.…`) and what `images` and `verifier` do, at `where`.
        """
        image = self.images.resolve(
            self.lock.pin(reference, where),
            pull=pull,
            platform=platform,
            on_event=_as_written(reference, on_event),
            where=where,
        )
        self._verify(reference, image.digest, where)
        return image

    def artifact(
        self,
        reference: str,
        *,
        pull: PullPolicy,
        platform: str | None,
        on_event: Callable[[PullEvent], None] | None,
        where: Where,
    ) -> ResolvedArtifact:
        """The artifact that is meant by `reference`, on this host and trusted when this returns. As `image`."""
        artifact = self.artifacts.resolve(
            self.lock.pin(reference, where),
            pull=pull,
            platform=platform,
            on_event=_as_written(reference, on_event),
            where=where,
        )
        self._verify(reference, artifact.digest, where)
        return artifact

    def _verify(self, reference: str, digest: str | None, where: Where) -> None:
        if self.verifier is not None:
            meant = Reference.parse(reference, where=where)
            self.verifier.verify(meant.with_digest(digest) if digest else meant, where=where)


def _as_written(reference: str, on_event: Callable[[PullEvent], None] | None) -> Callable[[PullEvent], None] | None:
    """`on_event`, told of the reference that stands in the file, and not of its locked digest."""
    return None if on_event is None else lambda event: on_event(replace(event, reference=reference))
