"""What an engine says when it does not run a container, or is not there, as an error that says what to do. Pure."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

from orchestrator.errors import ConfigError, DstreamError, UnavailableError, Where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.runtime.base import ImageProgram, Launch

_GET_AN_ENGINE = (
    "start or install a Docker Engine, or name one with `DOCKER_HOST` or `--engine-host`; "
    "providers given by `provider_path` need none"
)


def container_refused(words: str, status: int | None, launch: Launch, program: ImageProgram) -> DstreamError:
    """The error for `words`, said by the engine with HTTP `status` while it created or started a container."""
    said = words.lower()
    where = Where(image=program.reference)
    if "no such image" in said:
        hint = "another command may have removed it: run again, or with `--pull always`"
        return UnavailableError("image.absent", f"the image `{program.reference}` is gone", hint=hint, where=where)
    if "network" in said and "not found" in said:
        return ConfigError(
            "network.unknown",
            f"the engine has no network `{launch.network}`",
            hint=f"create it with `docker network create {launch.network}`, or see `docker network ls`",
            where=where,
        )
    if "bind source path does not exist" in said:
        return ConfigError(
            "mount.missing",
            f"the engine's host has nothing to mount there: {words.rpartition('does not exist: ')[2]}",
            hint="a mount's source is a path on the host where the engine runs",
            where=where,
        )
    if "unable to find user" in said or "unable to find group" in said:
        hint = "name one that the image has, or numbers such as `1000:1000`"
        return ConfigError("provider.user", f"the image knows no such user: {words}", hint=hint, where=where)
    if "no command specified" in said or "executable file not found" in said:
        return ConfigError(
            "provider.entrypoint",
            f"the image `{program.reference}` names no program to run: {words}",
            hint="an image of a provider has an `ENTRYPOINT` in exec form",
            where=where,
        )
    if "platform" in said and ("does not match" in said or "not match" in said):
        return ConfigError("image.platform", f"`{program.reference}` is for another platform: {words}", where=where)
    if status == 400 or "minimum memory limit" in said:
        return ConfigError("provider.refused", f"the engine refuses such a container: {words}", where=where)
    return UnavailableError("engine.refused", f"the engine cannot run `{program.reference}`: {words}", where=where)


def engine_unreachable(host: str, problem: BaseException) -> DstreamError:
    """The engine at `host` was not there, or went away: what was tried, why it failed and how to get one.

    `engine.absent` where there is no socket at all, `engine.address` for what is no address, `engine.unreachable`
    otherwise.
    """
    causes = list(_causes(problem))
    if any("Invalid bind address" in str(cause) for cause in causes):
        hint = "write `unix:///path/to/docker.sock`, `tcp://host:port` or `ssh://user@host`"
        return ConfigError("engine.address", f"`{host}` is not the address of a Docker Engine", hint=hint)
    status = next((found for cause in causes if (found := _status(cause)) is not None), None)
    if status is not None:
        message = f"what answers at `{host}` is no Docker Engine, or refuses: HTTP {status}"
        return UnavailableError("engine.unreachable", message, hint=_GET_AN_ENGINE)
    numbered = next((cause for cause in causes if isinstance(cause, OSError) and cause.errno), None)
    if isinstance(numbered, FileNotFoundError):
        message = f"no Docker Engine: there is no socket at `{host}`"
        return UnavailableError("engine.absent", message, hint=_GET_AN_ENGINE)
    hint = _GET_AN_ENGINE
    if isinstance(numbered, ssl.SSLError):
        message = f"the Docker Engine at `{host}` is not trusted, or does not trust this user: {numbered.strerror}"
        return UnavailableError("engine.unreachable", message, hint="`DOCKER_CERT_PATH` names the folder of `ca.pem`")
    if isinstance(numbered, PermissionError):
        hint = "add yourself to the group that owns the socket (usually `docker`), and log in again"
    elif any("timed out" in str(cause).lower() for cause in causes):
        hint = "see whether the engine hangs: `docker info`"
    said = os.strerror(numbered.errno or 0) if numbered is not None else str(causes[-1])
    return UnavailableError("engine.unreachable", f"the Docker Engine at `{host}` cannot be reached: {said}", hint=hint)


def _status(problem: BaseException) -> int | None:
    """Of the HTTP answer that it came from."""
    status = getattr(getattr(problem, "response", None), "status_code", None)
    return status if isinstance(status, int) else None


def _causes(problem: BaseException) -> Iterator[BaseException]:
    """`problem` and whatever lies under it: HTTP clients wrap errors in arguments as well as in causes."""
    seen: list[BaseException] = []
    waiting = [problem]
    while waiting:
        error = waiting.pop(0)
        if any(error is known for known in seen):
            continue
        seen.append(error)
        yield error
        waiting.extend(e for e in (*error.args, error.__cause__, error.__context__) if isinstance(e, BaseException))
