"""Writes its whole config to the log."""

from __future__ import annotations

import sys

from tests.fakes.contract.plain_input import PlainInput


class Broken(PlainInput):
    def shake_hands(self) -> None:
        sys.stderr.write(f"config: {self.config}\n")
        super().shake_hands()


if __name__ == "__main__":
    sys.exit(Broken().serve())
