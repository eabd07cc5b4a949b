"""What verbs reach registries and engines with, made from the settings when it is first needed."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING

from orchestrator.cli.engine import engine_host
from orchestrator.cli.invocation import DEFAULT_FILE
from orchestrator.config.folders import cache_folder
from orchestrator.config.model import lock_path
from orchestrator.pipeline.sources import Sources
from orchestrator.registry.artifacts import Artifacts
from orchestrator.registry.cache import ArtifactCache
from orchestrator.registry.lockfile import Lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orchestrator.config.model import Project, Trust
    from orchestrator.errors import Where
    from orchestrator.pipeline.sources import PullPolicy
    from orchestrator.registry.client import RegistryClient
    from orchestrator.registry.image import PullEvent, ResolvedImage
    from orchestrator.registry.pull import EngineImages
    from orchestrator.registry.trust.verifier import Verifier
    from orchestrator.settings import Settings


def registry_client(settings: Settings, *, timeout: float = 20.0, deadline: float = 60.0) -> RegistryClient:
    """The client of all registries, to be closed by the caller. Thread-safe.

    It waits `timeout` seconds for an answer, and tries again for `deadline` seconds what fails in passing.
    """
    from orchestrator.registry.client import RegistryClient

    return RegistryClient(
        mirrors=settings.mirrors,
        insecure=settings.insecure_registries,
        ca_bundle=settings.ca_bundle,
        registry_auth=settings.logins,
        timeout=timeout,
        deadline=deadline,
    )


@contextlib.contextmanager
def sources(project: Project | None, settings: Settings, *, locked: bool = False) -> Iterator[Sources]:
    """Where the providers of one project come from, for one thread. With `locked` all must be in the lock.

    Without a `project` nothing is locked, and everything is trusted.
    """
    with contextlib.ExitStack() as opened:
        images = Images(settings)
        opened.callback(images.close)
        cache = artifact_cache()
        opened.callback(cache.close)
        client = functools.cache(lambda: opened.enter_context(registry_client(settings)))
        artifacts = Artifacts(client, cache)
        if project is None:
            yield Sources(images, artifacts, Lock(None, lock_path(DEFAULT_FILE)))
        else:
            lock = Lock(project.locked, project.lock_path, required=locked)
            yield Sources(images, artifacts, lock, verifier(project.trust, client) if project.trust else None)


def artifact_cache() -> ArtifactCache:
    """The artifacts that were pulled to this host, to be closed by the caller."""
    return ArtifactCache(cache_folder() / "artifacts")


def verifier(trust: Trust, client: Callable[[], RegistryClient]) -> Verifier:
    """Judges by one project's trust block. Not thread-safe."""
    from orchestrator.registry.trust.signatures import SignatureCache
    from orchestrator.registry.trust.verifier import Verifier

    return Verifier(trust, client, SignatureCache(cache_folder() / "signatures"))


class Images:
    """An engine's images, whose SDK is loaded for the first one: local executables need neither. Not thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine: EngineImages | None = None

    def resolve(
        self,
        reference: str,
        *,
        pull: PullPolicy,
        platform: str | None,
        on_event: Callable[[PullEvent], None] | None,
        where: Where,
    ) -> ResolvedImage:
        if self._engine is None:
            from orchestrator.registry.pull import EngineImages

            settings = self._settings
            self._engine = EngineImages(engine_host(settings.engine_host), settings.mirrors, settings.logins)
        return self._engine.resolve(reference, pull=pull, platform=platform, on_event=on_event, where=where)

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()
