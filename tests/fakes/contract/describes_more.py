"""Its description lists a capability that its handshake does not declare."""

from __future__ import annotations

import sys
from typing import Any

from tests.fakes.contract.plain_input import PlainInput


class Broken(PlainInput):
    def description(self) -> dict[str, Any]:
        return {**super().description(), "capabilities": ["checkpoint", "signal"]}


if __name__ == "__main__":
    sys.exit(Broken().serve())
