"""A private BuildKit, which builds for several platforms."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.servers.script import REPOSITORY, run_script, server_name

if TYPE_CHECKING:
    from types import TracebackType


class Builder:
    """`with Builder() as builder`; `host` is its BUILDKIT_HOST, `client` the `buildctl` to ask it with."""

    def __init__(self, suffix: str = "") -> None:
        self._arguments = ["--name", server_name(suffix)]
        self.host = ""

    def __enter__(self) -> Self:
        self.host = run_script("builder", "start", *self._arguments, timeout=900)
        return self

    @property
    def client(self) -> Path:
        found = subprocess.run(
            ["bash", "-c", "source scripts/lib.sh && buildkit"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        )
        return Path(found.stdout.strip()) / "buildctl"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        run_script("builder", "stop", *self._arguments)
