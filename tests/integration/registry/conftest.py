"""The real command here too, its parser warm."""

from __future__ import annotations

from tests.cli.conftest import cache

__all__ = ["cache"]
