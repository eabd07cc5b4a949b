"""Cannot take a line of more than 64 KiB."""

from __future__ import annotations

import sys

from tests.fakes.contract.plain_output import PlainOutput


class Broken(PlainOutput):
    def on_data(self, line: bytes) -> None:
        if len(line) > 65536:
            raise ValueError("token too long")
        super().on_data(line)


if __name__ == "__main__":
    sys.exit(Broken().serve())
