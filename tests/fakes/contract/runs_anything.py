"""Takes a command that it does not know for `run`."""

from __future__ import annotations

import sys
from typing import Any

from tests.fakes.contract.plain_input import PlainInput


class Broken(PlainInput):
    def on_unknown(self, command: str, envelope: dict[str, Any]) -> int:
        return self.run(envelope)


if __name__ == "__main__":
    sys.exit(Broken().serve())
