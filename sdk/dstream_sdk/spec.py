"""Prints what a provider says of itself, without running it: for image labels, `provider.json` and READMEs.

python -m dstream_sdk.spec counter_input_provider.provider:Counter
python -m dstream_sdk.spec counter_input_provider.provider:Counter --readme README.md [--check]
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from dstream_sdk.description import describe, label
from dstream_sdk.errors import ProviderError
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


def config_table(description: Description) -> str:
    """The provider's config keys as a Markdown table."""
    schema = description.config_schema or {}
    if not schema.get("properties"):
        return "This provider has no config."
    rows = ["| Key | Type | Default | Example | Meaning |", "|---|---|---|---|---|"]
    rows += _rows(schema, schema, "")
    return "\n".join(rows)


def _rows(node: dict[str, Any], root: dict[str, Any], prefix: str) -> list[str]:
    rows: list[str] = []
    required = node.get("required", [])
    for name, given in node.get("properties", {}).items():
        field = _resolved(given, root)
        keys = ", ".join(f"`{prefix}{key}`" for key in (name, *field.get("x-aliases", ())))
        default = "required" if name in required else _code(field["default"]) if "default" in field else ""
        example = _code(field["examples"][0]) if field.get("examples") else ""
        cells = (keys, _type(field, root), default, example, field.get("description", ""))
        rows.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
        rows += _rows(field, root, f"{prefix}{name}.")
    return rows


def _resolved(field: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """The field with what it refers to; its own words win over those of the referred model."""
    reference = field.get("$ref")
    if reference is None:
        return field
    return {**root["$defs"][reference.removeprefix("#/$defs/")], **field}


def _type(field: dict[str, Any], root: dict[str, Any]) -> str:
    if "enum" in field:
        return " or ".join(_code(choice) for choice in field["enum"])
    if "const" in field:
        return _code(field["const"])
    if "anyOf" in field:
        return " or ".join(_type(_resolved(choice, root), root) for choice in field["anyOf"])
    if field.get("writeOnly"):
        return "string, secret"
    if field.get("type") == "array":
        return f"list of {_type(_resolved(field.get('items', {}), root), root)}"
    return str(field.get("type", "any"))


def _code(value: object) -> str:
    return f"`{json.dumps(value, ensure_ascii=False)}`"


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
    parser.add_argument("--check", action="store_true", help="with --readme: change nothing, fail if it is stale")
    chosen = parser.parse_args(arguments)
    try:
        description = describe(load_provider(chosen.provider))
        if chosen.readme is None:
            print(_text(description, full=chosen.full))
            return 0
        old = chosen.readme.read_text("utf-8")
        new = with_table(old, description)
    except (ProviderError, OSError) as error:
        hint = error.hint if isinstance(error, ProviderError) else ""
        print(f"error: {error}" + (f"\n\nhint: {hint}" if hint else ""), file=sys.stderr)
        return 1
    if chosen.check:
        if old != new:
            print(f"error: the config table of {chosen.readme} is stale", file=sys.stderr)
        return 0 if old == new else 1
    chosen.readme.write_text(new, "utf-8")
    return 0


def _text(description: Description, *, full: bool) -> str:
    return (msgspec.json.encode(description) if full else label(description)).decode()


if __name__ == "__main__":
    sys.exit(main())
