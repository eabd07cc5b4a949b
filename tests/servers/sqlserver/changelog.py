"""The transaction log, as far as the capture process reads it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

DELETE, INSERT, BEFORE, AFTER = 1, 2, 3, 4


@dataclass(frozen=True)
class Change:
    """One logged row: `values` and `changed` by column id, so that no change of its table harms it."""

    table: int
    operation: int
    sequence: bytes
    command: int
    values: dict[int, Any]
    changed: frozenset[int] | None = None
    """The columns an update changed; None is all of them."""


@dataclass(frozen=True)
class Transaction:
    lsn: bytes
    id: bytes
    begin_lsn: bytes
    begun: dt.datetime
    committed: dt.datetime
    changes: list[Change]
