"""Numbers that keep their digits: `int` where whole, `Decimal` otherwise, never `float`."""

from __future__ import annotations

import re
from decimal import Context, Decimal, DecimalException

from orchestrator.config.source import Place

Number = int | Decimal

DIGITS = 1000
"""The longest number that is accepted, in digits; far below what the interpreter refuses to print."""

ARITHMETIC = Context(prec=DIGITS, Emax=DIGITS, Emin=-DIGITS)
"""For sums and products: exact far beyond any database type. Overflow and invalid operations raise."""

_DIVISION = Context(prec=34, Emax=DIGITS, Emin=-DIGITS)  # a quotient that never ends stops at decimal128


_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def read_number(text: str, at: Place) -> Number:
    """The number that `text` spells, digit by digit. Raises `ConfigError` (`config.number`)."""
    if _NUMBER.fullmatch(text) is None:
        raise at.error("config.number", f"`{text}` is not a number", f'text stands in quotes: `"{text}"`')
    number = parse_number(text)
    if number is None:
        raise at.error("config.number", f"a number has at most {DIGITS} digits")
    return number


def parse_number(text: str) -> Number | None:
    """The number that `text` spells in full, blanks around it aside, or None."""
    found = _NUMBER.fullmatch(text.strip())
    if found is None or len(text) > DIGITS:
        return None
    try:
        number = Decimal(found[0]) if found[1] or found[2] else int(found[0])
    except DecimalException:
        return None
    return number if is_bounded(number) else None


def is_bounded(number: Number) -> bool:
    """Whether the number is finite and can be written in at most `DIGITS` digits."""
    if isinstance(number, int):
        return number.bit_length() <= DIGITS * 3
    return number.is_finite() and abs(number.adjusted()) <= DIGITS


def bounded(number: Number, at: Place) -> Number:
    """`number`, or `ConfigError` (`config.number`) where it is too large or too small to be carried."""
    if not is_bounded(number):
        raise at.error("config.number", f"a number has at most {DIGITS} digits")
    return number


def divide(left: Number, right: Number) -> Number:
    """The quotient: whole where the division leaves nothing. Raises `DecimalException` on zero."""
    if isinstance(left, int) and isinstance(right, int) and right and left % right == 0:
        return left // right
    return _DIVISION.divide(Decimal(left), Decimal(right))


def number_text(number: Number) -> str:
    """The shortest faithful spelling, valid in JSON: plain digits unless the exponent is large."""
    if isinstance(number, int):
        return str(number)
    return format(number, "f") if abs(number.adjusted()) <= 40 else str(number)
