"""A script's way in and out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from releasing.version import Refused


class Misused(Refused):
    """Not how the script is used."""


def run(main: Callable[[list[str]], None], usage: str | None) -> NoReturn:
    """Call `main` with the arguments. Exits 0, or 3 with the reason on stderr; `--help` prints `usage`."""
    usage = (usage or "").strip().removeprefix('"""')
    given = sys.argv[1:]
    if given and given[0] in {"-h", "--help"}:
        print(usage)
        sys.exit(0)
    try:
        main(given)
    except Misused as misuse:
        print(f"error: {misuse}\n\n{usage}" if str(misuse) else usage, file=sys.stderr)
        sys.exit(3)
    except Refused as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        sys.exit(3)
    sys.exit(0)
