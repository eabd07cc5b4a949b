"""A plan: what a verb would do to the infrastructure of a task, and what a run would do then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from dstream_sdk.protocol import Resource, Stream
from orchestrator.config.model import ProviderSpec
from orchestrator.pipeline.lifecycle.resources import counts, losses
from orchestrator.pipeline.observe import Delivery
from orchestrator.runtime.base import Role


@dataclass(frozen=True, slots=True)
class ProviderPart:
    """One provider's part in a plan, or in what was done.

    `content` is the digest that a run takes now, `last_content` the one that the last run took; None where there is
    none. Without `owns` the provider has no infrastructure. `message` is what it says besides, such as a script,
    `run` are sentences on what a run would do. `writable` are the paths that it writes to in its container.
    """

    role: Role
    provider: str
    spec: ProviderSpec
    content: str | None
    last_content: str | None
    owns: bool
    resources: tuple[Resource, ...] = ()
    message: str = ""
    run: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()

    @property
    def moved(self) -> bool:
        """Whether a run would take another image than the last one did."""
        return self.last_content is not None and self.last_content != self.content


@dataclass(frozen=True, slots=True)
class RunForecast:
    """What `dstream run` would do now.

    `resumes` is the id of the checkpoint to resume from, stored at `saved_at` (Unix time), None to begin anew;
    `refused` is why the run would be refused. `added` and `dropped` are streams that the stored state does not know,
    and those that it knows and that are not read any more. `why` says what delivery is best effort for.
    """

    delivery: Delivery
    why: str = ""
    resumes: int | None = None
    saved_at: float | None = None
    refused: str = ""
    added: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Of `init`, or of `destroy`. `parts` are in the order in which the verb comes to them.

    `streams` are what the input reads, None where it cannot tell; `run` is None in a plan of `destroy`.
    """

    task: str
    destroy: bool
    parts: tuple[ProviderPart, ...]
    streams: Sequence[Stream] | None
    run: RunForecast | None

    @property
    def resources(self) -> list[Resource]:
        return list(chain.from_iterable(part.resources for part in self.parts))

    @property
    def counts(self) -> dict[str, int]:
        """How many resources there are of each action that changes something."""
        return counts(self.resources)

    @property
    def changes(self) -> bool:
        """Whether anything of the infrastructure would change."""
        return any(self.counts.values())

    @property
    def unclear(self) -> bool:
        """Whether a provider did not say of something, in words that are known, what would become of it."""
        return any(not resource.action for resource in self.resources)

    @property
    def takes_away(self) -> bool:
        """Whether something would be replaced or deleted."""
        return bool(self.counts["replace"] or self.counts["delete"])

    @property
    def losses(self) -> list[str]:
        """What data would be lost, a sentence each."""
        return losses(self.resources)
