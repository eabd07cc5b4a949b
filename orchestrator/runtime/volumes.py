"""Named volumes, made writable by the provider's user.

An engine creates a volume owned by root unless the image has the directory. Nothing needs to run for
that to be mended: a directory entry, put into a container that is created and never started, changes its owner.
"""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Any

from orchestrator.errors import ConfigError
from orchestrator.runtime.sandbox import bind, is_volume, labels

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    from orchestrator.runtime.base import Launch, Mount, Scope

    class Files(Protocol):
        """The files of a container that exists but need not run."""

        def read(self, container: str, path: str, limit: int) -> bytes | None:
            """The first `limit` bytes of a tar archive of `path`, None where there is no such path."""

        def write(self, container: str, path: str, archive: bytes) -> None:
            """Unpack a tar archive at `path`."""


_OTHERS_WRITE = 0o002
_ACCOUNTS = 1024 * 1024
"""The largest file of accounts that is read, with what the archive adds."""


def writable_volumes(launch: Launch) -> list[Mount]:
    return [mount for mount in launch.mounts if is_volume(mount) and not mount.read_only]


def carrier_of(volumes: Sequence[Mount], scope: Scope, role: str, image: str) -> dict[str, Any]:
    """The body of a container that is never started: its files, with those of its volumes, can be read and put."""
    return {
        "Image": image,
        "Cmd": ["never-started"],
        "Labels": labels(scope, role),
        "HostConfig": {"Mounts": [bind(volume) for volume in volumes]},
    }


def claim(files: Files, carrier: str, volumes: Sequence[Mount], uid: int) -> None:
    """Give user `uid` each volume that is still as the engine made it: root's, and writable by nobody else."""
    for volume in volumes:
        archive = files.read(carrier, volume.target, tarfile.BLOCKSIZE)
        found = tarfile.TarInfo.frombuf(archive, "utf-8", "surrogateescape") if archive else None
        if found is not None and found.uid == 0 and not found.mode & _OTHERS_WRITE:
            # Named from the root down: engines skip an archive's entry `.`.
            entry = tarfile.TarInfo(volume.target.strip("/"))
            entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, found.mode & 0o7777, uid, found.gid
            files.write(carrier, "/", entry.tobuf() + bytes(2 * tarfile.BLOCKSIZE))


def user_number(files: Files, carrier: str, user: str) -> int:
    """The number of a user whom the image calls `user`. Raises `ConfigError` (`provider.user`)."""
    archive = files.read(carrier, "/etc/passwd", _ACCOUNTS)
    accounts = _text(archive).splitlines() if archive else []
    for line in accounts:
        fields = line.split(":")
        if fields[0] == user and fields[2:] and fields[2].isdigit():
            return int(fields[2])
    raise ConfigError(
        "provider.user",
        f"the image has no user `{user}`",
        hint="name one that the image has, or a number such as `1000`",
    )


def _text(archive: bytes) -> str:
    """The one file of an archive."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        member = tar.next()
        file = tar.extractfile(member) if member else None
        return file.read().decode(errors="replace") if file else ""
