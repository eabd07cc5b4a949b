"""Shakes hands before it was given an envelope."""

from __future__ import annotations

import sys

from tests.fakes.contract.plain_input import PlainInput


class Broken(PlainInput):
    def serve(self) -> int:
        self.send({"status": "ready", "protocol": 1, "capabilities": list(self.capabilities)})
        return super().serve()

    def shake_hands(self) -> None:
        """Done already."""


if __name__ == "__main__":
    sys.exit(Broken().serve())
