"""Where two long lists part: pytest would look for the smallest difference between them, for minutes."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def first_difference(found: Sequence[object], expected: Sequence[object]) -> str | None:
    """What was found in place of what, and how many there are of both; None where they are the same."""
    absent = object()
    for at, (one, other) in enumerate(zip_longest(found, expected, fillvalue=absent)):
        if one != other:
            what, wanted = ("nothing" if it is absent else f"{it!r:.200}" for it in (one, other))
            return f"{what} at {at:,} in place of {wanted}, {len(found):,} in place of {len(expected):,}"
    return None
