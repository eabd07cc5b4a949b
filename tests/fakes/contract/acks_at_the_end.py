"""Keeps every ack until the stream ends."""

from __future__ import annotations

import sys
from typing import Any

from tests.fakes.contract.plain_output import PlainOutput


class Broken(PlainOutput):
    kept: tuple[int, int] = (0, 0)

    def on_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.kept = (checkpoint["id"], checkpoint["records"])

    def on_end(self) -> int:
        self.ack(*self.kept)
        return super().on_end()


if __name__ == "__main__":
    sys.exit(Broken().serve())
