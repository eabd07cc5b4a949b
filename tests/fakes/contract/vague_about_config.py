"""Refuses a bad config without saying which key is bad."""

from __future__ import annotations

import sys

from tests.fakes.contract.plain_input import PlainInput


class Broken(PlainInput):
    def mistake(self) -> str:
        return "the config is not valid" if super().mistake() else ""


if __name__ == "__main__":
    sys.exit(Broken().serve())
