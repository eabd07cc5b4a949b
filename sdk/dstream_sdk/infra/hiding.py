"""Strikes secrets out of what is said."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

T = TypeVar("T")


class Hiding:
    """Knows the secrets of one command."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # A secret that is part of another goes last.
        self._secrets = sorted({secret for secret in secrets if secret}, key=len, reverse=True)

    def text(self, said: str) -> str:
        """The text with `***` in place of every secret."""
        for secret in self._secrets:
            said = said.replace(secret, "***")
        return said

    def within(self, value: Any) -> Any:
        """The JSON value with `***` in place of every secret in its texts."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.within(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.within(item) for item in value]
        return value
