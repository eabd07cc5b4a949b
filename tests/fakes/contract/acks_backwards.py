"""Acknowledges a checkpoint again behind a later one."""

from __future__ import annotations

import sys

from tests.fakes.contract.plain_output import PlainOutput


class Broken(PlainOutput):
    first = 0

    def ack(self, number: int, records: int) -> None:
        super().ack(number, records)
        self.first = self.first or number
        if number != self.first:
            super().ack(self.first, records)


if __name__ == "__main__":
    sys.exit(Broken().serve())
