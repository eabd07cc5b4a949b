"""Takes every line separator of Unicode for the end of a record."""

from __future__ import annotations

import sys

from tests.fakes.contract.plain_output import PlainOutput


class Broken(PlainOutput):
    def on_data(self, line: bytes) -> None:
        for part in line.decode().splitlines():
            super().on_data(part.encode())


if __name__ == "__main__":
    sys.exit(Broken().serve())
