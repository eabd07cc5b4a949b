"""The nearest known name, for `did you mean`."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was most likely meant to be, or None where nothing is close."""
    from difflib import get_close_matches  # noqa: PLC0415  # needed for errors only

    by_folded = {candidate.lower().replace("-", "_"): candidate for candidate in known}
    close = get_close_matches(name.lower().replace("-", "_"), by_folded, n=1, cutoff=0.6)
    return by_folded[close[0]] if close else None


def suggestion(name: str, known: Iterable[str]) -> str | None:
    """The hint that goes with an unknown name: the nearest one, or all of them."""
    names = sorted(known)
    if close := nearest(name, names):
        return f"did you mean `{close}`?"
    return "known are " + ", ".join(f"`{each}`" for each in names) if names else None
