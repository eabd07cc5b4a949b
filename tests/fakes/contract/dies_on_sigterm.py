"""Has no handler for SIGTERM to speak of."""

from __future__ import annotations

import os
import sys

from tests.fakes.contract.plain_input import PlainInput


class Broken(PlainInput):
    def on_sigterm(self) -> None:
        os._exit(143)


if __name__ == "__main__":
    sys.exit(Broken().serve())
