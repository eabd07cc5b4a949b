"""Cannot bear lines on stdin behind the envelope."""

from __future__ import annotations

import sys

from tests.fakes.contract.plain_input import PlainInput


class Broken(PlainInput):
    def on_line(self, chunk: bytes) -> None:
        raise ValueError(chunk)


if __name__ == "__main__":
    sys.exit(Broken().serve())
