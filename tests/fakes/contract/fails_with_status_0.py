"""Its failed check exits 0."""

from __future__ import annotations

import sys

from tests.fakes.contract.plain_input import PlainInput


class Broken(PlainInput):
    def check(self) -> int:
        self.send({"status": "ready", "protocol": 1})
        self.send({"status": "Failed", "error": "no such table"})
        return 0


if __name__ == "__main__":
    sys.exit(Broken().serve())
