"""The providers printed in docs/protocol.md are run as they stand there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dstream_sdk.protocol import COMMANDS

if TYPE_CHECKING:
    from tests.cli.conftest import Project

REPOSITORY = Path(__file__).parents[2]
DOCUMENT = (REPOSITORY / "docs" / "protocol.md").read_text()
SCHEMAS = REPOSITORY / "sdk" / "dstream_sdk" / "protocol" / "schemas"
FILES = dict(re.findall(r"```\w+ file=(\S+)\n(.*?)```", DOCUMENT, re.DOTALL))


@pytest.fixture
def printed(project: Project) -> Project:
    for name, text in FILES.items():
        (project.folder / name).write_text(text)
        (project.folder / name).chmod(0o755)
    return project


def numbers(project: Project) -> list[int]:
    return [json.loads(line)["data"]["n"] for line in (project.folder / "numbers.jsonl").read_text().splitlines()]


def test_the_printed_providers_stream_at_least_once_and_resume(printed: Project) -> None:
    done = printed.run("run", "count-to-file")
    assert done.code == 0, done.stderr
    assert "at-least-once" in done.stderr
    assert numbers(printed) == [1, 2, 3, 4, 5]
    again = printed.run("run", "count-to-file")
    assert again.code == 0, again.stderr
    assert numbers(printed) == [1, 2, 3, 4, 5]


def test_the_printed_shell_provider_takes_about_twenty_lines() -> None:
    assert len(FILES["count"].splitlines()) <= 20


def test_the_document_names_every_message_and_command() -> None:
    for name in (*COMMANDS, "checkpoint", "ack", "reject", "end", "stats", "signal", "handshake", "envelope"):
        assert name in DOCUMENT
    assert [schema.name for schema in SCHEMAS.glob("*.json")]
    for line in re.findall(r"```json\n(\{\"command.*)\n```", DOCUMENT):
        assert json.loads(line)["protocol"] == 1
