"""Keeps acks back, and forgets them on SIGTERM."""

from __future__ import annotations

import sys
from typing import Any

from tests.fakes.contract.plain_output import PlainOutput


class Broken(PlainOutput):
    def on_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Acknowledged at the end, which SIGTERM does not wait for."""


if __name__ == "__main__":
    sys.exit(Broken().serve())
