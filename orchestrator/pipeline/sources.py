"""Where providers come from: the reference that is meant, on this host, and trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from orchestrator.config.model import ProviderSpec
from orchestrator.errors import Where
from orchestrator.registry.image import PullEvent, ResolvedImage
from orchestrator.registry.lockfile import Lock

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


@dataclass(frozen=True, slots=True)
class Sources:
    """What `orchestrator.cli` puts together of them for one project."""

    images: Images
    lock: Lock

    def pinned(self, spec: ProviderSpec) -> tuple[str, str | None]:
        """What to ask for: the reference as written, with its locked digest; and a warning where it has none.

        Raises `ConfigError` (`lock.missing`, `lock.stale`, `reference.invalid`) at the provider's place.
        """
        return (spec.reference, None) if spec.kind == "path" else self.lock.pin(spec.reference, spec.where)
