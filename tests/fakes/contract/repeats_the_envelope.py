"""Quotes an envelope that it cannot read, secrets included."""

from __future__ import annotations

import sys

from tests.fakes.contract.plain_input import PlainInput


class Broken(PlainInput):
    def unreadable(self, line: bytes, error: ValueError) -> str:
        return f"cannot read {line!r}"


if __name__ == "__main__":
    sys.exit(Broken().serve())
