"""Acknowledges what it has only in memory."""

from __future__ import annotations

import os
import sys

from tests.fakes.contract.plain_output import PlainOutput


class Broken(PlainOutput):
    kept = b""

    def store(self, line: bytes) -> None:
        self.kept += line + b"\n"

    def on_end(self) -> int:
        os.write(self.file, self.kept)
        return super().on_end()


if __name__ == "__main__":
    sys.exit(Broken().serve())
