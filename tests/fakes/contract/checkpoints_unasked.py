"""Writes control lines to an orchestrator that does not know them."""

from __future__ import annotations

import sys
from typing import Any

from tests.fakes.contract.plain_input import PlainInput


class Broken(PlainInput):
    def run(self, envelope: dict[str, Any]) -> int:
        self.shake_hands()
        self.protocol = 1
        self.stream((envelope.get("state") or {"value": 0})["value"])
        return self.finish()

    def listen(self) -> None:
        """Nor does it end with its stdin."""


if __name__ == "__main__":
    sys.exit(Broken().serve())
