"""The console: the contract, its formats, and that what is written about it is current."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest

from console_output_provider.config import ConsoleConfig
from console_output_provider.provider import Console
from dstream_sdk.testing import ProviderContract
from tests.described import assert_current

FOLDER = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "console_output_provider"]
ENV = {"PYTHONPATH": str(FOLDER)}
RECORD = '{"data":{"value":1,"text":"ü"},"metadata":{"seq":1,"source":"here"}}'


class TestContract(ProviderContract):
    command: ClassVar = COMMAND
    env: ClassVar = ENV
    role = "output"
    config: ClassVar = {"outputFormat": "json"}


def shown(output_format: str, *records: str) -> list[str]:
    """What a user sees of the records."""
    lines = "\n".join([json.dumps({"outputFormat": output_format}), *records, ""])
    answer = subprocess.run(COMMAND, input=lines, capture_output=True, text=True, check=True, env=ENV)
    handshake, *text = answer.stdout.splitlines()
    assert json.loads(handshake) == {"status": "ready"}
    return text


def test_simple_is_one_line_per_record() -> None:
    change = '{"data":{"id":7},"metadata":{"TableName":"orders","OperationType":"Insert"}}'
    assert shown("simple", RECORD, change, '{"data":null}') == [
        '#1 here {"value":1,"text":"ü"}',
        'orders {"id":7}',
        "null",
    ]


def test_json_is_the_record() -> None:
    assert shown("json", RECORD) == [RECORD]


def test_pretty_is_indented_json() -> None:
    lines = shown("pretty", RECORD)
    assert len(lines) > 5
    assert json.loads("\n".join(lines)) == json.loads(RECORD)


@pytest.mark.parametrize("spelling", ["outputFormat", "output_format", "OutputFormat"])
def test_every_spelling_of_output_format_is_taken(spelling: str) -> None:
    assert ConsoleConfig.model_validate({spelling: "pretty"}).output_format == "pretty"


def test_what_is_written_about_it_is_current() -> None:
    assert_current(Console, FOLDER)
