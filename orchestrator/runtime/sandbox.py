"""The container that a launch asks for: as little privilege as a provider can work with. Pure."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.errors import ConfigError
from orchestrator.runtime.base import Mount

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.runtime.base import Launch, Scope

LABEL_PROJECT = "io.dstream.project"
LABEL_TASK = "io.dstream.task"
LABEL_RUN = "io.dstream.run"
LABEL_ROLE = "io.dstream.role"

NOBODY = "65532:65532"
"""Whom a provider runs as whose image names nobody, or root."""

CA_BUNDLE = "/run/dstream/ca-certificates.crt"
_CA_VARIABLES = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "NODE_EXTRA_CA_CERTS",
)

HOST_NAME = "host.docker.internal"
_NAME_LETTERS = frozenset(string.ascii_letters + string.digits + "_.-")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a container may use where HCL does not say: bytes of memory and of /tmp, and a number of processes."""

    memory: int = 1024 * 1024 * 1024
    tmpfs: int = 64 * 1024 * 1024
    pids: int = 512


def labels(scope: Scope, role: str) -> dict[str, str]:
    return {
        LABEL_PROJECT: scope.project,
        LABEL_TASK: scope.task,
        LABEL_RUN: scope.run_id,
        LABEL_ROLE: role,
    }


def name(scope: Scope, role: str) -> str:
    """A name that tells an operator what the container is. Labels, not names, are what the code goes by."""
    task = "".join(letter if letter in _NAME_LETTERS else "-" for letter in scope.task)
    return f"dstream-{task}-{role}-{secrets.token_hex(4)}"


def effective_user(wanted: str | None, images_own: str) -> str:
    """HCL's word, else the image's own user if that is not root, else `NOBODY`."""
    if wanted:
        return wanted
    user = images_own.partition(":")[0]
    root = user in ("", "root") or (user.isdigit() and int(user) == 0)
    return NOBODY if root else images_own


def is_volume(mount: Mount) -> bool:
    """Whether the engine keeps it under a name; otherwise its source is a path of the host."""
    return "/" not in mount.source


def bind(mount: Mount) -> dict[str, Any]:
    """As the engine writes a mount."""
    return {
        "Type": "volume" if is_volume(mount) else "bind",
        "Source": mount.source,
        "Target": mount.target,
        "ReadOnly": mount.read_only,
    }


def container(
    launch: Launch,
    scope: Scope,
    *,
    image: str,
    user: str,
    uid: int | None,
    proxies: Mapping[str, str],
    limits: Limits,
) -> dict[str, Any]:
    """The body of the engine's `POST /containers/create`; `uid` is the user's number, where it is known.

    Raises `ConfigError` (`mount.relative`).
    """
    environment = {"HOME": "/tmp", **proxies}  # noqa: S108 - the container's, a tmpfs of its own
    if launch.ca_bundle:
        environment |= dict.fromkeys(_CA_VARIABLES, CA_BUNDLE)
    environment |= launch.env
    memory = launch.memory or limits.memory
    body: dict[str, Any] = {
        "Image": image,
        "User": user,
        "Env": [f"{key}={value}" for key, value in environment.items()],
        "Labels": labels(scope, launch.role),
        "Tty": False,
        "OpenStdin": True,
        "StdinOnce": True,  # the end of the attached stdin, also by our death, is the program's EOF
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "HostConfig": {
            "Init": True,
            "AutoRemove": False,
            "RestartPolicy": {"Name": "no"},
            "LogConfig": {"Type": "none", "Config": {}},
            "ReadonlyRootfs": True,
            "Tmpfs": _tmpfs(launch, limits, uid),
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "PidsLimit": limits.pids,
            "Memory": memory,
            "MemorySwap": memory,  # the same: none
            "NanoCpus": round(launch.cpus * 1e9) if launch.cpus else 0,
            "NetworkMode": launch.network or "default",
            "ExtraHosts": _extra_hosts(launch.network),
            "Mounts": _mounts(launch),
        },
    }
    if launch.args:
        body["Cmd"] = list(launch.args)
    if launch.working_directory:
        body["WorkingDir"] = launch.working_directory
    return body


def _tmpfs(launch: Launch, limits: Limits, uid: int | None) -> dict[str, str]:
    # Where the image has the directory, runc gives the tmpfs that one's mode, whatever is asked for here:
    # for the provider to write to it, it must be the owner.
    options = "rw,nosuid,nodev,mode=1777" + ("" if uid is None else f",uid={uid}")
    # What a description asks for may be large: the memory limit, which counts it, is its bound.
    paths = dict.fromkeys(launch.writable, f"{options},exec")
    paths["/tmp"] = f"{options},noexec,size={limits.tmpfs}"  # noqa: S108 - the container's own
    mounted = {mount.target.rstrip("/") for mount in launch.mounts}
    return {path: how for path, how in paths.items() if path.rstrip("/") not in mounted}


def _extra_hosts(network: str | None) -> list[str]:
    if network == "none" or (network or "").startswith("container:"):
        return []
    return [f"{HOST_NAME}:{'127.0.0.1' if network == 'host' else 'host-gateway'}"]


def _mounts(launch: Launch) -> list[dict[str, Any]]:
    mounts = []
    for mount in launch.mounts:
        if not is_volume(mount) and not mount.source.startswith("/"):
            raise ConfigError(
                "mount.relative",
                f"the mount's source `{mount.source}` is neither an absolute path nor the name of a volume",
                hint="begin a path with `/`; a volume's name has no slash",
            )
        mounts.append(bind(mount))
    if launch.ca_bundle:
        mounts.append(bind(Mount(launch.ca_bundle, CA_BUNDLE)))
    return mounts
