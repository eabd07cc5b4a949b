"""Stops on SIGTERM with records behind its last checkpoint."""

from __future__ import annotations

import sys

from tests.fakes.contract.plain_input import PlainInput


class Broken(PlainInput):
    def checkpoint(self, value: int) -> None:
        if not self.stopping:
            super().checkpoint(value)


if __name__ == "__main__":
    sys.exit(Broken().serve())
