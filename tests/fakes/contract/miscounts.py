"""Its checkpoints count one record too many."""

from __future__ import annotations

import sys

from tests.fakes.contract.plain_input import PlainInput


class Broken(PlainInput):
    def checkpoint(self, value: int) -> None:
        self.records += 1
        super().checkpoint(value)
        self.records -= 1


if __name__ == "__main__":
    sys.exit(Broken().serve())
