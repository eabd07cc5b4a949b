"""The update mask: one bit for each captured column."""

from __future__ import annotations


def ordinals(mask: bytes) -> list[int]:
    """The captured columns (from 0) whose bits are set.

    The first column's bit is the lowest of the LAST byte: the mask is one number, written high byte first.
    """
    bits = int.from_bytes(mask, "big")
    found = []
    while bits:
        lowest = bits & -bits
        found.append(lowest.bit_length() - 1)
        bits ^= lowest
    return found
