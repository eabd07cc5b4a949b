"""Runs on into the void when its orchestrator is gone."""

from __future__ import annotations

import contextlib
import os
import sys

from tests.fakes.contract.plain_input import PlainInput


class Broken(PlainInput):
    def listen(self) -> None:
        """Nobody listens."""

    def write(self, line: str) -> None:
        """Nor do write errors stop it."""
        with contextlib.suppress(OSError):
            os.write(1, line.encode() + b"\n")


if __name__ == "__main__":
    sys.exit(Broken().serve())
