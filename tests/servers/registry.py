"""A real OCI registry on a loopback port."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.servers.script import run_script, server_name

if TYPE_CHECKING:
    from types import TracebackType


class Registry:
    """`with Registry(folder) as registry`. What is pushed lies in `data`, in the registry's own format.

    `login` is `name:password`; with `tls` the registry speaks HTTPS and `ca` is the certificate to trust.
    """

    def __init__(self, data: Path, suffix: str = "", *, login: str | None = None, tls: bool = False) -> None:
        self.data = data
        self.address = ""
        self._name = ["--name", server_name(suffix)]
        self._options = ["--data", str(data)] + (["--user", login] if login else []) + (["--tls"] if tls else [])

    def start(self, port: int | None = None) -> Self:
        """Serve on a free port, or on `port`."""
        where = ["--port", str(port)] if port else []
        self.address = run_script("registry", "start", *self._name, *self._options, *where)
        return self

    @property
    def ca(self) -> str:
        """The file with the CA of a registry that was made with `tls`."""
        return run_script("registry", "status", *self._name).rpartition(", CA ")[2]

    def requests(self) -> list[str]:
        """Every request so far, as `GET /v2/…`, in the order of the answers."""
        log = Path(f"/tmp/dstream-registry-{self._name[1]}/log").read_text()
        return re.findall(r'"([A-Z]+ \S+) HTTP/1\.[01]" \d', log)

    def stop(self) -> None:
        run_script("registry", "stop", *self._name)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
