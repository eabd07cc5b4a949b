"""What is known of a provider, as a page for people. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from orchestrator.cli.terminal import words
from orchestrator.cli.terminal.columns import columns
from orchestrator.cli.terminal.words import printable
from orchestrator.pipeline.config_keys import Key, config_keys

if TYPE_CHECKING:
    from dstream_sdk.protocol import Description
    from orchestrator.registry.describe import Announcement

_NARROW = 24


def page(
    announcement: Announcement, description: Description | None, reference: str, *, width: int | None
) -> Iterator[str]:
    """Its lines, wrapped to `width` columns; None wraps nothing, for what is no terminal."""
    if description is not None:
        yield printable(f"{description.name} {description.version}".rstrip())
        for text in (description.title, description.description):
            yield from _wrapped(text, width)
        yield ""
    facts = [
        ("reference", reference),
        ("digest", announcement.descriptor.digest),
        ("kind", announcement.kind),
        ("platforms", ", ".join(announcement.platforms)),
        ("size", f"{words.size(announcement.size)} to pull at most"),
        *(_said(description) if description else [("announces", "nothing: a legacy provider")]),
    ]
    margin = max(len(name) for name, _ in facts) + 2
    for name, value in facts:
        if value:
            yield f"{name:<{margin}}{printable(value)}"
    if description is not None:
        yield ""
        yield from _config(description, width)


def _said(description: Description) -> list[tuple[str, str]]:
    return [
        ("system", description.system),
        ("direction", "input or output" if description.role == "both" else description.role),
        ("protocol", str(description.protocol)),
        ("capabilities", ", ".join(description.capabilities) or "none"),
        ("commands", ", ".join(description.commands)),
        ("network", ", ".join(description.network) or "none announced"),
        ("writes to", ", ".join(description.writable) or "nothing but its own /tmp"),
    ]


def _config(description: Description, width: int | None) -> Iterator[str]:
    if description.config_schema is None:
        yield "config: too large to be announced" if description.describe else "config: none announced"
        return
    keys = config_keys(description.config_schema)
    if not keys:
        yield "config: none"
        return
    table = columns(
        ("CONFIG", "TYPE", "DEFAULT", "EXAMPLE"), [(key.name, key.type, _default(key), key.example) for key in keys]
    )
    margin = max(len(line) for line in table) + 2
    beside = width is None or width - margin >= _NARROW
    for line, meaning in zip(table, ["MEANING" if beside else "", *map(_meaning, keys)], strict=True):
        if beside:
            first, *rest = _wrapped(meaning, width and width - margin) or [""]
            yield f"{line:<{margin}}{first}".rstrip()
            yield from (f"{'':<{margin}}{more}" for more in rest)
        else:
            yield line
            yield from (f"    {more}" for more in _wrapped(meaning, width and width - 4))


def _default(key: Key) -> str:
    return "required" if key.required and not key.default else key.default


def _meaning(key: Key) -> str:
    others = ", ".join(f"`{name}`" for name in key.also)
    return f"{key.meaning} Also written {others}.".strip() if others else key.meaning


def _wrapped(text: str, width: int | None) -> list[str]:
    """`text` in lines of `width`, each of its own lines anew; None wraps nothing."""
    paragraphs = [printable(line) for line in text.splitlines() if line.strip()]
    if width is None:
        return paragraphs
    width = max(width, _NARROW)
    return [line for paragraph in paragraphs for line in textwrap.wrap(paragraph, width)]
