"""Takes what follows the last newline for a record."""

from __future__ import annotations

import sys

from tests.fakes.contract.plain_output import PlainOutput


class Broken(PlainOutput):
    def on_eof(self, unfinished: bytes) -> int:
        if unfinished:
            self.on_data(unfinished)
        return super().on_eof(unfinished)


if __name__ == "__main__":
    sys.exit(Broken().serve())
