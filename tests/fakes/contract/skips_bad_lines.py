"""Drops what it cannot read, and acknowledges it."""

from __future__ import annotations

import sys

from tests.fakes.contract.plain_output import PlainOutput


class Broken(PlainOutput):
    def on_bad_line(self, line: bytes) -> None:
        sys.stderr.write("skipped a bad line\n")


if __name__ == "__main__":
    sys.exit(Broken().serve())
