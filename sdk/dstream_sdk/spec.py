"""Prints what a provider says of itself, without running it: for image labels, `provider.json` and READMEs.

python -m dstream_sdk.spec counter_input_provider.provider:Counter
python -m dstream_sdk.spec counter_input_provider.provider:Counter --readme README.md [--check]
python -m dstream_sdk.spec counter_input_provider.provider:Counter --page counter.md [--check]
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import Any

import msgspec

from dstream_sdk.config_table import config_table
from dstream_sdk.description import describe, label
from dstream_sdk.errors import ProviderError
from dstream_sdk.page import page
from dstream_sdk.protocol.messages import Description
from dstream_sdk.provider import Provider

BEGIN = "<!-- config: begin (written by `python -m dstream_sdk.spec`) -->"
END = "<!-- config: end -->"


def load_provider(target: str) -> type[Provider[Any]]:
    """The class that `module:Class` names. Raises `ProviderError` where there is none."""
    module_name, _, class_name = target.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), class_name, None)
    except ModuleNotFoundError as error:
        raise ProviderError(f"no module `{error.name}`", hint="run this where the provider is installed") from error
    if not (isinstance(found, type) and issubclass(found, Provider)):
        raise ProviderError(f"`{target}` is no provider", hint="name it as `package.module:Class`")
    return found


def with_table(readme: str, description: Description) -> str:
    """The README with its config table renewed. Raises `ProviderError` where the markers are missing."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ProviderError("the README has no place for the config table", hint=f"add the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{config_table(description)}\n{END}{after}"


def main(arguments: list[str] | None = None) -> int:
    """The command. Exits 1 where `--check` finds a stale README or the provider cannot be loaded."""
    parser = argparse.ArgumentParser(prog="python -m dstream_sdk.spec", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("provider", metavar="MODULE:CLASS")
    parser.add_argument("--full", action="store_true", help="the whole description, also where a label must be reduced")
    parser.add_argument("--readme", type=Path, metavar="FILE", help="renew the config table between the file's markers")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the provider's page of documentation")
    parser.add_argument("--check", action="store_true", help="with a file: change nothing, fail if it is stale")
    chosen = parser.parse_args(arguments)
    file: Path | None = chosen.readme or chosen.page
    try:
        description = describe(load_provider(chosen.provider))
        if file is None:
            print(_text(description, full=chosen.full))
            return 0
        old = file.read_text("utf-8") if file.exists() or chosen.readme else ""
        new = with_table(old, description) if chosen.readme else page(description)
    except (ProviderError, OSError) as error:
        hint = error.hint if isinstance(error, ProviderError) else ""
        print(f"error: {error}" + (f"\n\nhint: {hint}" if hint else ""), file=sys.stderr)
        return 1
    if chosen.check:
        if old != new:
            what = "the config table of " if chosen.readme else ""
            print(f"error: {what}{file} is stale", file=sys.stderr)
        return 0 if old == new else 1
    file.write_text(new, "utf-8")
    return 0


def _text(description: Description, *, full: bool) -> str:
    return (msgspec.json.encode(description) if full else label(description)).decode()


if __name__ == "__main__":
    sys.exit(main())
