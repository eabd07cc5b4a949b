"""Loses one record where it resumes."""

from __future__ import annotations

import sys

from tests.fakes.contract.plain_input import PlainInput


class Broken(PlainInput):
    def stream(self, value: int) -> None:
        super().stream(value + 1 if value else 0)


if __name__ == "__main__":
    sys.exit(Broken().serve())
