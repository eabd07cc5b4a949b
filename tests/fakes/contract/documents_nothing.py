"""Its config schema has types and no words."""

from __future__ import annotations

import sys
from typing import Any, ClassVar

from tests.fakes.contract.plain_input import PlainInput


class Broken(PlainInput):
    config_schema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "properties": {"count": {"type": "integer"}, "token": {"type": "string"}},
    }


if __name__ == "__main__":
    sys.exit(Broken().serve())
