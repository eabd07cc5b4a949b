"""Writes control lines to an orchestrator that does not know them."""

from __future__ import annotations

import sys

from tests.fakes.contract.plain_output import PlainOutput


class Broken(PlainOutput):
    def on_data(self, line: bytes) -> None:
        super().on_data(line)
        if not self.protocol:
            self.ack(self.records, self.records)


if __name__ == "__main__":
    sys.exit(Broken().serve())
