"""`format("%s-%03d", …)`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from orchestrator.config.encoding import encode_json
from orchestrator.config.number import parse_number
from orchestrator.config.source import Place
from orchestrator.config.values import JSON, kind, to_text

_VERB = re.compile(r"%(?P<flags>[-+ 0]*)(?P<width>\d{0,3})(?:\.(?P<precision>\d{1,3}))?(?P<verb>.|\Z)", re.DOTALL)


def format_text(pattern: str, values: Sequence[JSON], at: Place) -> str:
    """`pattern` with its verbs `%s %v %d %f %e %x %q %t %%` filled in order.

    Raises `ConfigError` (`config.format`, `config.type`) about `at`; all values must be used.
    """
    remaining = list(values)

    def fill(found: re.Match[str]) -> str:
        if found["verb"] == "%":
            return "%"
        if not remaining:
            raise at.error("config.format", "`format` has fewer values than verbs")
        return _fill(found, remaining.pop(0), at)

    text = _VERB.sub(fill, pattern)
    if remaining:
        raise at.error("config.format", "`format` has more values than verbs")
    return text


def _fill(found: re.Match[str], value: JSON, at: Place) -> str:
    verb, flags = found["verb"], found["flags"]
    if verb in ("d", "f", "e", "x", "X"):
        number = parse_number(value) if isinstance(value, str) else value
        if isinstance(number, bool) or not isinstance(number, int | Decimal):
            raise at.error("config.type", f"`%{verb}` takes a number, not {kind(value)}")
        if verb in ("d", "x", "X") and number != int(number):
            raise at.error("config.type", f"`%{verb}` takes a whole number")
        sign = "+" if "+" in flags else " " if " " in flags else ""
        precision = f".{found['precision']}" if found["precision"] else ".6"
        if verb in ("d", "x", "X"):
            text = format(int(number), sign + verb)
        else:
            text = format(Decimal(number), sign + precision + verb)
    elif verb in ("s", "v"):
        text = to_text(value, at, "`%s`") if verb == "s" or not isinstance(value, list | dict | None) else _json(value)
        text = text[: int(found["precision"])] if found["precision"] else text
    elif verb == "q":
        text = _json(to_text(value, at, "`%q`"))
    elif verb == "t":
        if not isinstance(value, bool):
            raise at.error("config.type", f"`%t` takes true or false, not {kind(value)}")
        text = to_text(value, at)
    else:
        raise at.error("config.format", f"`format` knows no `%{verb}`", "known are %s %v %d %f %e %x %q %t %%")
    return _pad(text, found, numeric=verb in "dfexX")


def _json(value: JSON) -> str:
    return encode_json(value).decode("ascii")


def _pad(text: str, found: re.Match[str], *, numeric: bool) -> str:
    width = int(found["width"] or 0)
    if "-" in found["flags"]:
        return text.ljust(width)
    return text.zfill(width) if numeric and "0" in found["flags"] else text.rjust(width)
