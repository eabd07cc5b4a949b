"""Is content when its stream breaks off."""

from __future__ import annotations

import sys

from tests.fakes.contract.plain_output import PlainOutput


class Broken(PlainOutput):
    def on_eof(self, unfinished: bytes) -> int:
        return self.on_end()


if __name__ == "__main__":
    sys.exit(Broken().serve())
