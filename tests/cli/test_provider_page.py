"""A provider's page, on a terminal and through a pipe."""

from __future__ import annotations

import json
from typing import Any

from dstream_sdk.protocol import Description
from orchestrator.cli.marketplace.provider_page import page
from orchestrator.registry.describe import Announcement
from orchestrator.registry.manifest import Descriptor, Manifest
from orchestrator.registry.reference import Reference

DIGEST = "sha256:" + "a" * 64
MEANING = "Which tables are read, by name or by pattern, in the order in which they are to be read at first."


def lines(width: int | None, **said: Any) -> list[str]:
    raw = json.dumps({"config": {"mediaType": "x", "digest": DIGEST, "size": 2}, "layers": []}).encode()
    manifest = Manifest.parse(Reference.parse("registry.test/p:v1"), raw)
    found = Announcement(manifest, Descriptor("x", DIGEST, 2), b"", 75_200_000, ("linux/amd64",), "image")
    description = Description(name="p", role="input", protocol=1, **said)
    return list(page(found, description, "registry.test/p:v1", width=width))


def test_a_terminal_gets_lines_that_fit() -> None:
    schema = {"properties": {"tables": {"type": "array", "items": {"type": "string"}, "description": MEANING}}}
    assert any(MEANING in line for line in lines(None, config_schema=schema))
    narrow = lines(70, config_schema=schema, description=MEANING)
    table = narrow[next(number for number, line in enumerate(narrow) if line.startswith("CONFIG")) :]
    assert max(map(len, table)) <= 70
    assert " ".join(" ".join(table).split()).endswith(MEANING)


def test_a_table_too_wide_for_the_terminal_has_the_meaning_below_each_key() -> None:
    schema = {"properties": {"outputFormat": {"enum": ["simple", "json", "pretty"], "description": MEANING}}}
    said = lines(50, config_schema=schema)
    assert said[-4:-2] == [
        'outputFormat  "simple" or "json" or "pretty"',
        "    Which tables are read, by name or by pattern,",
    ]


def test_other_spellings_stand_with_the_meaning() -> None:
    said = lines(None, config_schema={"properties": {"a": {"description": "How.", "x-aliases": ["A", "aa"]}}})
    assert said[-1] == "a       any   How. Also written `A`, `aa`."


def test_what_a_stranger_writes_moves_no_cursor() -> None:
    schema = {"properties": {"a\x1b[2J": {"type": "x\x1b[2J", "description": "y\x1b[2J"}}}
    said = lines(80, title="t\x1b[2J", description="d\x1b[2J", network=["\x1b[2J"], config_schema=schema)
    assert not [line for line in said if "\x1b" in line]


def test_what_it_may_touch_is_said_even_where_that_is_nothing() -> None:
    said = "\n".join(lines(None))
    assert "network       none announced" in said
    assert "writes to     nothing but its own /tmp" in said
    assert "config: none announced" in said
    assert "75.2 MB" in said
