"""Connection strings, in the spellings of ADO, ODBC and URLs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Encryption = Literal["off", "request", "require"]


@dataclass(frozen=True, slots=True)
class Target:
    """Which server and database, as whom, and how to get there.

    `encrypt` is `request` where the string says nothing: encrypted where the server can, whoever it is. With
    `verify` the server's certificate must be that of `certificate_host` (the host where None).
    """

    host: str
    database: str
    user: str
    password: str = field(repr=False)
    port: int | None = None
    instance: str | None = None
    encrypt: Encryption = "request"
    verify: bool = False
    certificate_host: str | None = None
    read_only: bool = False
    application: str = "dstream"
    connect_timeout_s: float | None = None

    @property
    def server(self) -> str:
        """`host`, `host,port` or `host\\instance`, as people write it."""
        raise NotImplementedError


def parse(text: str) -> Target:
    """What the string says. Raises ValueError naming the key that is wrong, never a value."""
    raise NotImplementedError
