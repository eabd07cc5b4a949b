"""What went wrong when the original read its configuration does not go wrong here."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from orchestrator.config.model import encode_json

from .conftest import TASK, Evaluate, Fails, LoadTask

SPELLINGS = ['env("X")', r'"{{ env \"X\" }}"', '"{{ env "X" }}"', '"${env("X")}"', '"{{env `X`}}"']


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_unset_variable_is_an_error_that_names_file_line_and_variable(fails: Fails, spelling: str) -> None:
    error = fails("config.unset_env", TASK.format(config=f"{{\n  x = {spelling}\n}}"))
    assert "`X` is not set" in error.message
    assert error.where.file is not None
    assert error.where.file.endswith("dstream.hcl")
    assert error.where.line == 5
    assert error.where.text == f"  x = {spelling}"
    assert error.hint is not None
    assert 'env("X", "…")' in error.hint


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(
    "value",
    ['a"b', "${boom}", "%{ if true }", "a\nadmin = true", "{{ env `Y` }}", "\\", '"}}', "<<EOT", "", "ü\u2028𝄞\x00"],
)
def test_no_value_can_become_syntax(evaluate: Evaluate, spelling: str, value: str) -> None:
    assert evaluate(spelling, {"X": value}) == value


def test_newline_in_a_value_adds_no_attribute(load_task: LoadTask) -> None:
    task = load_task(TASK.format(config='{ x = "{{ env "X" }}" }'), {"X": 'a"\nadmin = "yes'})
    assert task.input.config == {"x": 'a"\nadmin = "yes'}


@pytest.mark.parametrize(
    "digits",
    [
        "0.1",
        "1.23456789012345",
        "0.5",
        "9007199254740993",
        "123456789012345678901234567890",
        "-0.000000000000000000001",
        "1.50",
        "-7",
        "-12",
        "0",
    ],
)
def test_numbers_keep_their_digits(load_task: LoadTask, digits: str) -> None:
    config = load_task(TASK.format(config=f"{{ x = {digits} }}")).input.config
    assert encode_json(config) == b'{"x":' + digits.encode() + b"}"
    assert isinstance(config["x"], int | Decimal)


def test_exponents_are_written_as_json_numbers(load_task: LoadTask) -> None:
    config = load_task(TASK.format(config="{ x = [1e3, 2.5E-3, 1e100] }")).input.config
    assert json.loads(encode_json(config)) == {"x": [1000, 0.0025, 1e100]}


def test_null_stays_null(load_task: LoadTask) -> None:
    config = load_task(TASK.format(config="{ x = null, y = [null] }")).input.config
    assert encode_json(config) == b'{"x":null,"y":[null]}'


def test_locals_can_be_used(evaluate: Evaluate) -> None:
    assert evaluate("local.a", before='locals { a = "b" }\n') == "b"


def test_nested_blocks_in_config(load_task: LoadTask) -> None:
    text = TASK.replace("config = {config}", "config {{\n lock_config {{\n type = {config}\n }}\n}}")
    assert load_task(text.format(config='"none"')).input.config == {"lock_config": {"type": "none"}}


@pytest.mark.parametrize("role", ["input", "output"])
def test_missing_block_is_an_error_at_the_task(fails: Fails, role: str) -> None:
    other = "output" if role == "input" else "input"
    error = fails(f"config.missing_{role}", f'task "t" {{\n  {other} {{\n    provider_image = "a"\n  }}\n}}\n')
    assert (error.where.line, error.where.column, error.where.text) == (1, 1, 'task "t" {')


def test_without_config_the_provider_gets_an_empty_object(load_task: LoadTask) -> None:
    assert load_task(TASK.format(config="{}")).output.config == {}


def test_reference_with_port_and_digest_is_kept_as_written(load_task: LoadTask) -> None:
    reference = "127.0.0.1:5000/a/b@sha256:" + "0" * 64
    task = load_task(
        f'task "t" {{ input {{ provider_ref = "{reference}" }}\n output {{ provider_path = "/bin/cat" }} }}'
    )
    assert (task.input.kind, task.input.reference) == ("ref", reference)
    assert (task.output.kind, task.output.reference) == ("path", "/bin/cat")


def test_head_file_of_the_original(load_task: LoadTask) -> None:
    task = load_task(
        """
        task "mssql-to-asb" {
          type = "providers"
          input {
            provider_ref = "ghcr.io/katasec/dstream-ingester-mssql:v0.0.55"
            config {
              db_connection_string = "{{ env "DB" }}"
              poll_interval        = "5s"
              max_poll_interval    = "30s"
              tables = [
                "Persons",
                "Cars",
              ]
              lock_config = { type = "none" }
            }
          }
          output {
            provider_ref = "ghcr.io/katasec/dstream-out-asb:v0.2.0"
            config {
              connectionString = "{{ env "ASB" }}"
              tables = ["dbo.Cars", "dbo.Persons"]
            }
          }
        }
        """,
        {"DB": "sqlserver://sa:secret@db", "ASB": "Endpoint=sb://x"},
    )
    assert task.input.config == {
        "db_connection_string": "sqlserver://sa:secret@db",
        "poll_interval": "5s",
        "max_poll_interval": "30s",
        "tables": ["Persons", "Cars"],
        "lock_config": {"type": "none"},
    }
    assert task.output.config == {"connectionString": "Endpoint=sb://x", "tables": ["dbo.Cars", "dbo.Persons"]}
