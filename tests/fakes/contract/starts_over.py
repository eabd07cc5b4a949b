"""Does not look at the state that it is given."""

from __future__ import annotations

import sys

from tests.fakes.contract.plain_input import PlainInput


class Broken(PlainInput):
    def stream(self, value: int) -> None:
        super().stream(0)


if __name__ == "__main__":
    sys.exit(Broken().serve())
