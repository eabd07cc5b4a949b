"""Describes another version than the one that it is announced as."""

from __future__ import annotations

import sys
from typing import Any

from tests.fakes.contract.plain_input import PlainInput


class Broken(PlainInput):
    def description(self) -> dict[str, Any]:
        return {**super().description(), "version": "0.2.0"}


if __name__ == "__main__":
    sys.exit(Broken().serve())
