"""What an engine tells of itself. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

_LIMITS = {"memory": "MemoryLimit", "number of processes": "PidsLimit", "processor time": "CpuCfsQuota"}


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """`root` is the folder of its images on its own host, `clock` its Unix time when it answered, None where unknown.

    `cannot_limit` are the limits of a container that its host has no means for.
    """

    address: str
    version: str
    api: str
    platform: str
    storage: str
    root: str
    clock: float | None
    cannot_limit: tuple[str, ...] = ()

    @property
    def local(self) -> bool:
        """Whether it shares this host's files, as far as its address tells."""
        return self.address.startswith("unix://")


def facts_of(address: str, info: dict[str, Any], version: dict[str, Any]) -> EngineFacts:
    """From what the engine at `address` answers to `info` and `version`."""
    return EngineFacts(
        address=address,
        version=str(version.get("Version", "unknown")),
        api=str(version.get("ApiVersion", "unknown")),
        platform=f"{version.get('Os', 'unknown')}/{version.get('Arch', 'unknown')}",
        storage=str(info.get("Driver", "unknown")),
        root=str(info.get("DockerRootDir", "")),
        clock=_moment(str(info.get("SystemTime", ""))),
        cannot_limit=tuple(limit for limit, key in _LIMITS.items() if info.get(key) is False),
    )


def _moment(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None
