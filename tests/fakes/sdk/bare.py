"""An output without a config: it must not need pydantic. `sys.modules` tells."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from dstream_sdk import Envelope, OutputProvider, run_provider


class Bare(OutputProvider[Any]):
    name = "bare"

    def write(self, batch: Sequence[Envelope]) -> None:
        self.context.show(f"{len(batch)} records, pydantic {'pydantic' in sys.modules}")


if __name__ == "__main__":
    run_provider(Bare)
