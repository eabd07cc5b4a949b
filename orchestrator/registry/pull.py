"""Images by reference: resolved to digests, and pulled through the Docker Engine where they are missing.

Importing this imports the Docker SDK; `registry.image` has the types alone.
"""

from __future__ import annotations

import contextlib
import socket
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from docker import APIClient
from docker.errors import APIError, DockerException, ImageNotFound, StreamParseError
from docker.utils import kwargs_from_env
from requests.exceptions import ReadTimeout
from urllib3.exceptions import HTTPError, ReadTimeoutError

from orchestrator.errors import DstreamError, UnavailableError, Where
from orchestrator.registry.image import (
    LabelledImage,
    PullEvent,
    ResolvedImage,
    platform_of,
    pull_event,
    resolved,
    runs_on,
    same_platform,
)
from orchestrator.registry.reference import Reference, rewrite
from orchestrator.registry.refusals import not_an_image, other_platform, pull_refused
from orchestrator.registry.wire.credentials import Credential, Credentials
from orchestrator.runtime.refusals import engine_unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

__all__ = ["DEFAULT_ENGINE", "EngineImages", "PullEvent", "PullPolicy", "ResolvedImage"]

PullPolicy = Literal["missing", "always", "never"]
_DIGEST = "Digest: "
DEFAULT_ENGINE = "unix:///var/run/docker.sock"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for: the user's text, what it means after mirrors, and for which platform."""

    reference: str
    target: Reference
    platform: str | None
    where: Where


class EngineImages:
    """The images of one Docker Engine, with the logins of `registry_auth` (`user:password`) or of `docker login`.

    Connects at the first use. Not thread-safe. `engine_host` is a URL (`unix://…`, `tcp://…`); None means
    `DOCKER_HOST`, or the default socket. `timeout` bounds every question to the engine, `stall_timeout` how
    long a pull may go without any sign of progress; both are in seconds.
    """

    def __init__(
        self,
        engine_host: str | None = None,
        mirrors: Mapping[str, str] | None = None,
        registry_auth: Mapping[str, str] | None = None,
        *,
        timeout: float = 20.0,
        stall_timeout: float = 180.0,
    ) -> None:
        self._settings: dict[str, Any] = {**kwargs_from_env()}
        if engine_host:
            self._settings["base_url"] = engine_host
        self._host = str(self._settings.get("base_url") or DEFAULT_ENGINE)
        self._mirrors = dict(mirrors or {})
        self._credentials = Credentials(registry_auth)
        self._timeout = timeout
        self._stall_timeout = stall_timeout
        self._client: _PullClient | None = None
        self._platform = ""

    def resolve(
        self,
        reference: str,
        *,
        pull: PullPolicy = "missing",
        platform: str | None = None,
        on_event: Callable[[PullEvent], None] | None = None,
        where: Where | None = None,
    ) -> ResolvedImage:
        """The image that `reference` means, on the engine when this returns.

        A local image for another platform counts as missing. Blocks while pulling; `on_event` is called
        from here, and what it raises ends the pull. Raises `ConfigError` (`reference.invalid`,
        `image.not_found`, `image.platform`, `image.digest`, `provider.kind`) and `UnavailableError` (`image.absent`,
        `image.unauthorized`, `image.stalled`, `image.pull_failed`, `registry.*`, `engine.*`), at `where`.
        """
        where = replace(where or Where(), image=reference)
        target = rewrite(Reference.parse(reference, where=where), self._mirrors)
        try:
            return self._resolve(_Asked(reference, target, platform, where), pull, on_event)
        except DstreamError as error:
            error.where = where
            raise

    def labelled(self, label: str) -> list[LabelledImage]:
        """Every image on the engine that carries `label`. Raises `UnavailableError` (`engine.*`)."""
        client = self._connect()
        with self._translated():
            found = client.images(filters={"label": label})
        return [
            LabelledImage(
                image["Id"],
                tuple(name for name in image.get("RepoTags") or () if not name.startswith("<none>")),
                tuple(name for name in image.get("RepoDigests") or () if not name.startswith("<none>")),
                image["Labels"][label],
            )
            for image in found
        ]

    def close(self) -> None:
        """Give up the connection. Idempotent."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _resolve(self, asked: _Asked, pull: PullPolicy, on_event: Callable[[PullEvent], None] | None) -> ResolvedImage:
        client = self._connect()
        found = self._inspect(client, asked.target) if pull != "always" else None
        pulled = None
        if pull != "never" and (found is None or not self._fits(found, asked)):
            pulled = self._pull(client, asked, on_event)
            found = self._inspect(client, asked.target)
            if found is None:
                message = f"the engine pulled `{asked.reference}` but does not have it"
                raise UnavailableError("image.pull_failed", message)
        if found is None:
            raise UnavailableError(
                "image.absent",
                f"the image `{asked.reference}` is not on this host, and pulling is switched off",
                hint="allow it with `--pull missing`, or pull the image with `docker pull`",
            )
        if not found.get("Architecture"):  # some engines pull anything, and this is how they describe an artifact
            raise not_an_image(f"`{asked.reference}`", "it names no architecture", where=asked.where)
        if not self._fits(found, asked):
            wanted = asked.platform or self._platform
            raise other_platform(asked.reference, platform_of(found), wanted, where=asked.where)
        return resolved(asked.reference, asked.target, found, asked.where, pulled=pulled)

    def _fits(self, image: Mapping[str, Any], asked: _Asked) -> bool:
        has = platform_of(image)
        return same_platform(has, asked.platform) if asked.platform else runs_on(has, self._platform)

    def _connect(self) -> _PullClient:
        if self._client is None:
            with self._translated():
                _knock(self._host, self._timeout)
                client = _PullClient(
                    version="auto", timeout=self._timeout, stall_timeout=self._stall_timeout, **self._settings
                )
                self._platform = platform_of(client.version())
            self._client = client
        return self._client

    def _inspect(self, client: _PullClient, target: Reference) -> Mapping[str, Any] | None:
        with self._translated():
            try:
                found: Mapping[str, Any] = client.inspect_image(target.pinned)  # type: ignore[no-untyped-call]
            except ImageNotFound:
                return None
        return found

    def _pull(self, client: _PullClient, asked: _Asked, on_event: Callable[[PullEvent], None] | None) -> str | None:
        """The digest that the engine names."""

        def refused(words: str, status: int | None) -> DstreamError:
            wanted = asked.platform or self._platform
            return pull_refused(words, status, asked.target, asked.reference, platform=wanted, where=asked.where)

        stalled = UnavailableError(
            "image.stalled",
            f"no progress for {self._stall_timeout:g} s while pulling `{asked.reference}`",
            hint="try again: the layers that are complete are kept",
        )
        login = self._credentials.given(asked.target.registry)
        events = contextlib.closing(client.pull_events(asked.target, asked.platform, login))
        # The SDK warns of a missing credential helper, then raises. Never undone: other threads may be pulling.
        warnings.filterwarnings("ignore", "docker-credential-.* not installed")
        digest = None
        with self._translated(refused, stalled), events as stream:
            for event in stream:
                if str(event.get("status", "")).startswith(_DIGEST):
                    digest = event["status"].removeprefix(_DIGEST)
                if "error" in event:
                    detail = event.get("errorDetail") or {}
                    raise refused(str(detail.get("message") or event["error"]), None)
                if on_event is not None:
                    on_event(pull_event(asked.reference, event))
        return digest

    @contextlib.contextmanager
    def _translated(
        self,
        refused: Callable[[str, int | None], DstreamError] | None = None,
        stalled: DstreamError | None = None,
    ) -> Iterator[None]:
        """The Docker SDK's exceptions, and those of the HTTP client below it, as ours."""
        try:
            yield
        except APIError as error:
            words = str(error.explanation or error)
            if refused is not None:
                raise refused(words, error.status_code) from error
            raise UnavailableError("engine.refused", f"the engine at `{self._host}` refuses: {words}") from error
        except (ReadTimeout, ReadTimeoutError) as error:
            raise stalled or engine_unreachable(self._host, error) from error
        except (DockerException, HTTPError, StreamParseError, OSError) as error:
            if "redentials store error" in str(error):
                hint = "see `credsStore` and `credHelpers` in the docker command's `config.json`"
                message = f"the docker command's credential helper failed: {error}"
                raise UnavailableError("registry.credentials", message, hint=hint) from error
            raise engine_unreachable(self._host, error) from error


def _knock(host: str, timeout: float) -> None:
    """See that somebody listens: the SDK leaves a socket behind for every engine that is not there."""
    if host.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.settimeout(timeout)
            knocking.connect(host.removeprefix("unix://"))


class _PullClient(APIClient):
    """An SDK client whose pulls have a deadline between two bytes, and leave no connection half read."""

    def __init__(self, *, stall_timeout: float, **settings: Any) -> None:
        self._stall_timeout = stall_timeout
        super().__init__(**settings)

    def send(self, request: Any, **options: Any) -> Any:
        options["timeout"] = options.get("timeout") or self._stall_timeout  # the SDK gives a pull none
        self._answer = super().send(request, **options)
        return self._answer

    def pull_events(
        self, target: Reference, platform: str | None, login: Credential | None
    ) -> Generator[Mapping[str, Any], None, None]:
        """The engine's own; without a `login` the SDK looks for one of `docker login`."""
        tag = target.digest or target.tag_or_latest
        auth = {"username": login.user, "password": login.password} if login else None
        try:
            yield from self.pull(target.name, tag=tag, stream=True, decode=True, platform=platform, auth_config=auth)
        finally:
            self._answer.close()
