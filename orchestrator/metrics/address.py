"""Where a run's figures are served: `PORT` or `HOST:PORT`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestrator.errors import ConfigError

_WRITTEN = re.compile(r"(?:(?P<host>[^:\s\[\]]+|\[[0-9A-Fa-f:.%]+\]):)?(?P<port>[0-9]{1,5})")
_LOOPBACK = "127.0.0.1"
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Address:
    """A host, without brackets, and a port; port 0 is any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def following(self, count: int) -> Address:
        """The address `count` ports on, for the next task's run. Raises `ConfigError` behind the last port."""
        if self.port == 0:
            return self
        if self.port + count > _LAST_PORT:
            message = f"`--metrics {self}` leaves no port for {count + 1} tasks"
            raise ConfigError("usage", message, hint=f"ports end at {_LAST_PORT}")
        return Address(self.host, self.port + count)


def parse_address(text: str) -> Address:
    """What stands behind `--metrics`; a port alone means this host and nobody else. Raises `ConfigError` (`usage`)."""
    written = _WRITTEN.fullmatch(text)
    port = int(written["port"]) if written else _LAST_PORT + 1
    if written is None or port > _LAST_PORT:
        hint = "`9464` can be reached from this host, `0.0.0.0:9464` or `[::]:9464` from everywhere"
        raise ConfigError("usage", f"`--metrics`: `{text}` is no `PORT` or `HOST:PORT`", hint=hint)
    return Address((written["host"] or _LOOPBACK).strip("[]"), port)
