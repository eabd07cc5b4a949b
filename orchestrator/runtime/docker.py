"""Providers as containers of a Docker Engine. The SDK's exceptions end here."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

from docker import APIClient
from docker.errors import APIError, DockerException, NotFound
from docker.utils import kwargs_from_env
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from orchestrator.errors import DstreamError, UnavailableError
from orchestrator.runtime.base import ImageProgram, Launch, Leftover, Scope
from orchestrator.runtime.container import RunningContainer
from orchestrator.runtime.facts import EngineFacts, facts_of
from orchestrator.runtime.refusals import container_refused, engine_unreachable
from orchestrator.runtime.sandbox import LABEL_PROJECT, LABEL_RUN, LABEL_TASK, Limits, container, effective_user, name
from orchestrator.runtime.usage import container_usage
from orchestrator.runtime.volumes import carrier_of, claim, user_number, writable_volumes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orchestrator.runtime.base import Usage
    from orchestrator.runtime.guard import Guard

DEFAULT_ENGINE = "unix:///var/run/docker.sock"
_TIMEOUT = 20.0
_CLEAN_UP_WITHIN = 30.0
_PAUSE = 0.1
_KNOWN_WITHIN = 0.5

_GONE = 404
_NOT_RUNNING = 409


class DockerRuntime:
    """Runs images as containers. See `Runtime`.

    `engine_host` is a URL (`unix://…`, `tcp://…`); None means `DOCKER_HOST`, or the default socket. `limits`
    apply where HCL does not say. With `proxies`, containers get the docker command's proxy settings, or else
    this process's.
    """

    def __init__(
        self,
        scope: Scope,
        *,
        engine_host: str | None = None,
        guard: Guard,
        limits: Limits | None = None,
        proxies: bool = True,
    ) -> None:
        self._scope = scope
        self._engine = Engine(engine_host)
        self._guard = guard
        self._limits = limits or Limits()
        self._proxies = proxies

    def start(self, launch: Launch) -> RunningContainer:
        if not isinstance(launch.program, ImageProgram):
            raise TypeError(f"a container runtime cannot run {launch.program!r}")
        program = launch.program
        engine = self._engine

        try:
            user = effective_user(launch.user, engine.image_user(program.image_id))
            proxies = engine.proxies() if self._proxies else {}
            body = container(
                launch,
                self._scope,
                image=program.image_id,
                user=user,
                uid=self._prepare(launch, program.image_id, user),
                proxies=proxies,
                limits=self._limits,
            )
            created = engine.create(body, name(self._scope, launch.role), launch.platform)
            return self._start(created)
        except EngineRefused as error:
            raise container_refused(error.words, error.status, launch, program) from error

    def _start(self, created: str) -> RunningContainer:
        try:
            self._guard.watch_container(created, created, self._engine.address)
            running = RunningContainer(self._engine, self._guard, created, self._engine.attach(created))
        except DstreamError:
            self._engine.discard(created, _CLEAN_UP_WITHIN)
            self._guard.release(created)
            raise
        try:
            running.start()
        except DstreamError:
            running.dispose(_CLEAN_UP_WITHIN)
            raise
        return running

    def _prepare(self, launch: Launch, image: str, user: str) -> int | None:
        """Make the volumes writable; gives the user's number where it is known, or needed."""
        name = user.partition(":")[0]
        volumes = writable_volumes(launch)
        if not volumes and (name.isdigit() or not launch.writable):
            return int(name) if name.isdigit() else None
        carrier = self._engine.create(carrier_of(volumes, self._scope, launch.role, image), None, launch.platform)
        try:
            uid = int(name) if name.isdigit() else user_number(self._engine, carrier, name)
            claim(self._engine, carrier, volumes, uid)
        finally:
            self._engine.discard(carrier, _CLEAN_UP_WITHIN)
        return uid

    def leftovers(self) -> Sequence[Leftover]:
        return [
            Leftover(
                Scope(self._scope.project, labels.get(LABEL_TASK, ""), labels.get(LABEL_RUN, "")),
                identity,
            )
            for identity, labels in self._engine.labelled(f"{LABEL_PROJECT}={self._scope.project}")
        ]

    def remove(self, leftover: Leftover, deadline: float) -> None:
        self._engine.discard(leftover.identity, deadline)

    def close(self) -> None:
        self._guard.close()


class Engine:
    """What this project asks of one Docker Engine. Connects anew for each question; thread-safe.

    Every method raises `UnavailableError` (`engine.unreachable`, `engine.refused`) unless it says otherwise,
    after at most twenty seconds, or `timeout`.
    """

    def __init__(self, host: str | None = None) -> None:
        self.address = host or os.environ.get("DOCKER_HOST") or DEFAULT_ENGINE
        self._version = "auto"

    def image_user(self, image: str) -> str:
        with self._client() as api:
            found: dict[str, Any] = api.inspect_image(image)  # type: ignore[no-untyped-call]
        return str((found.get("Config") or {}).get("User") or "")

    def proxies(self) -> dict[str, str]:
        """Proxy variables for containers: those of the docker command's configuration, else this process's."""
        with self._client() as api:
            # Of the SDK, `create_container` alone uses it, and that cannot say all that a container needs.
            configured = api._proxy_configs.get_environment()  # type: ignore[attr-defined]  # noqa: SLF001
        names = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
        own = {n: os.environ[n] for lower in names for n in (lower, lower.upper()) if os.environ.get(n)}
        return dict(configured) or own

    def create(self, body: dict[str, Any], called: str | None, platform: str | None) -> str:
        with self._client() as api:
            created = api.create_container_from_config(body, called, platform)  # type: ignore[no-untyped-call]
        return str(created["Id"])

    def attach(self, identity: str) -> tuple[socket.socket, socket.socket, socket.socket]:
        """The connections that carry stdin, stdout and stderr, each alone.

        Nothing that a container writes is missed if it is started after this.
        """
        with contextlib.ExitStack() as opened:
            stdin, stdout, stderr = (
                opened.enter_context(self._attach(identity, stream)) for stream in ("stdin", "stdout", "stderr")
            )
            opened.pop_all()
        return stdin, stdout, stderr

    def _attach(self, identity: str, stream: str) -> socket.socket:
        with self._client() as api:
            raw = api.attach_socket(identity, {stream: 1, "stream": 1})
        if isinstance(raw, ssl.SSLSocket):
            return raw
        # Out of the hands of the HTTP client, whose objects would keep it open after our `close`.
        return socket.socket(fileno=raw._sock.detach())  # noqa: SLF001 - the SDK gives no other way to the socket

    def start(self, identity: str) -> None:
        with self._client(_CLEAN_UP_WITHIN) as api:
            api.start(identity)

    def wait(self, identity: str) -> int:
        """The exit status, once it has ended. Blocks for as long as it runs."""
        with self._client(None) as api:
            return int(api.wait(identity)["StatusCode"])

    def out_of_memory(self, identity: str, timeout: float) -> bool:
        """Whether the kernel killed a process of it for want of memory; False also when nobody can tell.

        To be asked once it was killed. The engine hears why apart from that it ended, and may know a moment later.
        """
        known_by = time.monotonic() + _KNOWN_WITHIN
        try:
            with self._client(timeout) as api:
                while not (told := bool(api.inspect_container(identity)["State"].get("OOMKilled"))):
                    if time.monotonic() > known_by:
                        break
                    time.sleep(_PAUSE)
                return told
        except UnavailableError:
            return False

    def usage(self, identity: str, timeout: float) -> Usage | None:
        """What it takes at this moment; None for a container that has ended, or is gone."""
        with self._client(timeout) as api:
            try:
                found: dict[str, Any] = api.stats(identity, stream=False, one_shot=True)
            except NotFound:
                return None
        return container_usage(found)

    def signal(self, identity: str, number: str, timeout: float) -> None:
        """Send a signal. A container that has ended, or is gone, is no error."""
        with self._client(timeout) as api, _unless_ended():
            api.kill(identity, number)

    def discard(self, identity: str, deadline: float) -> None:
        """Kill it, see it ended, and remove it with its unnamed volumes. One that is gone is no error.

        Raises `UnavailableError` (`runtime.leftover`) after `deadline` seconds.
        """
        end = time.monotonic() + deadline
        problem = "the engine is still busy with it"
        while (left := end - time.monotonic()) > 0:
            try:
                with self._client(left) as api:
                    with _unless_ended():
                        api.kill(identity, "SIGKILL")
                    api.remove_container(identity, v=True, force=True)
                    return
            except UnavailableError as error:
                if isinstance(error, EngineRefused) and error.status == _GONE:
                    return
                problem = error.message
            time.sleep(min(_PAUSE, max(0.0, end - time.monotonic())))
        raise UnavailableError(
            "runtime.leftover",
            f"container {identity[:12]} could not be removed: {problem}",
            hint=f"`docker rm --force {identity[:12]}`, or the next run of the task, removes it",
        )

    def labelled(self, label: str) -> list[tuple[str, dict[str, str]]]:
        """Id and labels of every container with this label, running or not."""
        with self._client() as api:
            found = api.containers(all=True, filters={"label": [label]})
        return [(item["Id"], item.get("Labels") or {}) for item in found]

    def facts(self) -> EngineFacts:
        with self._client() as api:
            return facts_of(self.address, api.info(), api.version())

    def answers(self, timeout: float) -> bool:
        try:
            with self._client(timeout) as api:
                return bool(api.ping())
        except UnavailableError:
            return False

    def read(self, identity: str, path: str, limit: int) -> bytes | None:
        """See `volumes.Files`."""
        archive = b""
        with self._client() as api:
            try:
                chunks, _ = api.get_archive(identity, path)
            except NotFound:
                return None
            with contextlib.closing(chunks):
                for chunk in chunks:
                    archive += chunk
                    if len(archive) >= limit:
                        break
        return archive[:limit]

    def write(self, identity: str, path: str, archive: bytes) -> None:
        """See `volumes.Files`."""
        with self._client() as api:
            api.put_archive(identity, path, archive)

    @contextlib.contextmanager
    def _client(self, timeout: float | None = _TIMEOUT) -> Iterator[APIClient]:
        """A connection for one question, which a question that hangs elsewhere cannot hold up."""
        try:
            settings: dict[str, Any] = {**kwargs_from_env(), "base_url": self.address, "timeout": timeout}
            self._knock()
            with contextlib.closing(_Client(version=self._version, **settings)) as api:
                self._version = api.api_version
                yield api
        except APIError as error:
            raise EngineRefused(self.address, str(error.explanation or error), error.status_code) from error
        except (DockerException, RequestException, HTTPError, OSError, ValueError) as error:
            raise engine_unreachable(self.address, error) from error

    def _knock(self) -> None:
        """Find out whether anybody listens: the SDK would lose the descriptor of each connection that is refused."""
        scheme, _, path = self.address.partition("://")
        if scheme == "unix":
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(_TIMEOUT)
                probe.connect(f"/{path.lstrip('/')}")


class _Client(APIClient):
    def send(self, request: Any, **options: Any) -> Any:
        # `requests` would prefer REQUESTS_CA_BUNDLE, which speaks of other servers, to the engine's own CA.
        options["verify"] = self.verify
        return super().send(request, **options)


class EngineRefused(UnavailableError):
    """The engine answered, with `words` and an HTTP `status` that mean no."""

    def __init__(self, address: str, words: str, status: int | None) -> None:
        super().__init__("engine.refused", f"the engine at `{address}` refuses: {words}")
        self.words = words
        self.status = status


@contextlib.contextmanager
def _unless_ended() -> Iterator[None]:
    try:
        yield
    except APIError as error:
        if error.status_code not in (_GONE, _NOT_RUNNING):
            raise
