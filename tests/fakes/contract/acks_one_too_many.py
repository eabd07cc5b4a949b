"""Counts the checkpoint itself as a record."""

from __future__ import annotations

import sys

from tests.fakes.contract.plain_output import PlainOutput


class Broken(PlainOutput):
    def ack(self, number: int, records: int) -> None:
        super().ack(number, records + 1)


if __name__ == "__main__":
    sys.exit(Broken().serve())
