"""Exits behind its `end`, deaf to the acks."""

from __future__ import annotations

import sys

from tests.fakes.contract.plain_input import PlainInput


class Broken(PlainInput):
    def finish(self) -> int:
        self.send({"end": {"records": self.records}})
        return 0


if __name__ == "__main__":
    sys.exit(Broken().serve())
