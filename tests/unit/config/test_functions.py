"""The functions of an expression."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestrator.config.functions import FUNCTIONS

from .conftest import Evaluate, Fails

LISTED = """env file jsonencode jsondecode base64encode base64decode format join split lower upper replace
trimspace coalesce concat merge length toset"""

CASES: dict[str, Any] = {
    'env("X")': "value of x",
    'env("UNSET", "default")': "default",
    'env("UNSET", null)': None,
    'env("EMPTY", "default")': "",
    'jsonencode({ a = [1, 0.10, true, null], b = "é" })': '{"a":[1,0.10,true,null],"b":"\\u00e9"}',
    r'jsondecode("{\"a\": [1, 0.10, 123456789012345678901234567890, null]}")': {
        "a": [1, Decimal("0.10"), 123456789012345678901234567890, None]
    },
    'base64encode("grüße")': base64.b64encode("grüße".encode()).decode(),
    'base64decode("Z3LDvMOfZQ==")': "grüße",
    'format("%s-%03d|%5s|%-5s|%.2f|%q|%t|%%|%x|%v", "a", 7, "b", "c", 1.005, "q\\"", true, 255, [1])': (
        'a-007|    b|c    |1.00|"q\\""|true|%|ff|[1]'
    ),
    'join(",", ["a", 1, true], ["b"])': "a,1,true,b",
    'split(",", "a,b,,c")': ["a", "b", "", "c"],
    'split("", "ab")': ["a", "b"],
    'lower("ÄB")': "äb",
    'upper("äb")': "ÄB",
    'replace("a.b.c", ".", "-")': "a-b-c",
    'trimspace("  a b\\n")': "a b",
    'coalesce(null, "", "a", "b")': "a",
    "coalesce(null, 0)": 0,
    "concat([1], [], [2, 3])": [1, 2, 3],
    "concat([[1], [2]]...)": [1, 2],
    "merge({ a = 1, b = 1 }, null, { b = 2 })": {"a": 1, "b": 2},
    "length([1, 2])": 2,
    'length("äöü")': 3,
    "length({ a = 1 })": 1,
    'toset(["c", "a", "c"])': ["a", "c"],
    'toset([2, 1.0, 2, true, "2"])': [2, Decimal("1.0"), True, "2"],
}


@pytest.mark.parametrize(("expression", "value"), CASES.items(), ids=CASES)
def test_function(evaluate: Evaluate, expression: str, value: Any) -> None:
    assert evaluate(expression, {"X": "value of x", "EMPTY": ""}) == value


def test_the_list_of_functions_is_the_documented_one() -> None:
    assert sorted(FUNCTIONS) == sorted(LISTED.split())


def test_every_function_has_a_case() -> None:
    missing = {name for name in FUNCTIONS if not any(case.startswith(name + "(") for case in CASES)}
    assert missing == {"file"}  # which has tests of its own


def test_file_is_read_beside_the_configuration(evaluate: Evaluate, tmp_path: Path) -> None:
    (tmp_path / "certificates").mkdir()
    (tmp_path / "certificates" / "ca.pem").write_bytes("\ufeffäöü\r\nend".encode())
    assert evaluate('file("certificates/ca.pem")') == "äöü\nend"
    assert evaluate(f'file("{tmp_path}/certificates/ca.pem")') == "äöü\nend"


def test_unreadable_files_are_errors_at_the_call(bad: Fails, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert bad("config.no_file", 'file("missing")').where.line == 4
    assert bad("config.encoding", 'file("binary")').where.line == 4
    assert bad("config.unreadable", 'file(".")').where.line == 4
    assert bad("config.unreadable", 'file("a\\u0000b")').where.line == 4
    assert bad("config.too_large", 'file("/dev/zero")').where.line == 4


@pytest.mark.parametrize("text", ["", "{", "NaN", "[1,]", '"\\ud800"', "[" * 200 + "]" * 200, "[" * 100_000, "1e9999"])
def test_text_that_is_not_json_is_refused(bad: Fails, text: str) -> None:
    error = bad("config.number" if text == "1e9999" else "config.json", 'jsondecode(env("X"))', {"X": text})
    assert error.where.line == 4


@pytest.mark.parametrize("text", ["$", "YQ", "/w=="])
def test_text_that_is_not_base64_of_text_is_refused(bad: Fails, text: str) -> None:
    bad("config.base64", f'base64decode("{text}")')


@pytest.mark.parametrize("call", ['format("%s")', 'format("a", 1)', 'format("%z", 1)', 'format("%", 1)'])
def test_format_must_fit_its_values(bad: Fails, call: str) -> None:
    bad("config.format", call)


def test_variable_that_is_not_utf8_is_refused(bad: Fails) -> None:
    error = bad("config.encoding", 'env("X")', {"X": b"\xff".decode("utf-8", "surrogateescape")})
    assert "`X` is not valid UTF-8" in error.message


def test_json_survives_a_round_trip(evaluate: Evaluate) -> None:
    value = {"a": [1, {"b": None}], "c": "${x} {{ y }}"}
    assert evaluate('jsondecode(env("X"))', {"X": json.dumps(value)}) == value
