"""Has a `print` left in it."""

from __future__ import annotations

import sys

from tests.fakes.contract.plain_input import PlainInput


class Broken(PlainInput):
    def checkpoint(self, value: int) -> None:
        self.write(f"at {value}")
        super().checkpoint(value)


if __name__ == "__main__":
    sys.exit(Broken().serve())
