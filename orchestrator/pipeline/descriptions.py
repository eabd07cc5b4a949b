"""What the providers of a project announce, learnt without pulling one."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from dstream_sdk.protocol import LABEL
from orchestrator.config.model import ProviderSpec, PullPolicy
from orchestrator.errors import DstreamError
from orchestrator.pipeline.sources import Sources
from orchestrator.registry.content_cache import ContentCache
from orchestrator.registry.describe import describe
from orchestrator.registry.image import host_platform
from orchestrator.registry.layout import check_kind
from orchestrator.registry.reference import Reference
from orchestrator.registry.together import together

_AT_ONCE = 8
_NOT_HERE = ("image.absent", "image.platform", "artifact.absent")


@dataclass(frozen=True, slots=True)
class Announced:
    """What is known of one provider: its announcement as it was written, None for one that announces nothing.

    With a `failure` it is not known; with the code `content.absent`, because no registry may be asked.
    """

    text: bytes | None = None
    failure: DstreamError | None = None


class Descriptions:
    """Looks at what a run would take: the locked digest, and what is on this host before what a registry has.

    `content` is where a registry's answers are kept, and who asks it. Not thread-safe.
    """

    def __init__(self, sources: Sources, content: ContentCache, *, pull: PullPolicy) -> None:
        self._sources = sources
        self._content = content
        self._pull = pull
        self._asking_here = threading.Lock()  # an engine's images are for one thread at a time
        self._engine_answers = True

    def find(self, specs: Iterable[ProviderSpec]) -> list[Announced]:
        """What each of them announces, in their order; none of them may be a local executable.

        Blocks; several registries are asked at once. Where a reference fails, all who name it get the same error,
        which is at the place of the first.
        """
        wanted = list(specs)
        first = {_meant(spec): spec for spec in reversed(wanted)}
        found = dict(zip(first, together(self._announced, first.values(), at_once=_AT_ONCE), strict=True))
        return [found[_meant(spec)] for spec in wanted]

    def _announced(self, spec: ProviderSpec) -> Announced:
        try:
            reference = self._sources.lock.pin(Reference.parse(spec.reference, where=spec.where), spec.where)
            if (spec.pull or self._pull) != "always":
                with self._asking_here:
                    here = self._here(spec, str(reference))
                if here is not None:
                    return here
            return Announced(self._afar(spec, reference))
        except DstreamError as error:
            error.where = spec.where.filled_from(error.where)
            return Announced(failure=error)

    def _here(self, spec: ProviderSpec, reference: str) -> Announced | None:
        """What is on this host under `reference`; None where nothing is, or no engine to tell."""
        try:
            if spec.kind == "ref":
                artifact = self._sources.artifacts.resolve(
                    reference, pull="never", platform=spec.platform, where=spec.where
                )
                return Announced(artifact.description)
            if not self._engine_answers:
                return None
            image = self._sources.images.resolve(
                reference, pull="never", platform=spec.platform, on_event=None, where=spec.where
            )
        except DstreamError as error:
            if error.code.startswith("engine."):
                self._engine_answers = False
            elif error.code not in _NOT_HERE:
                raise
            return None
        label = image.labels.get(LABEL)
        return Announced(None if label is None else label.encode())

    def _afar(self, spec: ProviderSpec, reference: Reference) -> bytes | None:
        host = host_platform()
        if spec.kind == "image":
            host = f"linux/{host.partition('/')[2]}"  # containers are Linux, whatever runs the engine
        found = describe(self._content, self._content.pinned(reference), spec.platform or host)
        check_kind(spec.kind, found.manifest)
        return found.description


def _meant(spec: ProviderSpec) -> tuple[str, str, str | None]:
    return spec.kind, spec.reference, spec.platform
