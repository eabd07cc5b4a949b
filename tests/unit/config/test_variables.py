"""`variable` blocks and what is given for them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import ConfigError

from .conftest import TASK, Evaluate, Load

CONVERSIONS: dict[tuple[str, str], Any] = {
    ("string", "0.10"): "0.10",
    ("number", "0.10"): Decimal("0.10"),
    ("number", " 7 "): 7,
    ("bool", "true"): True,
    ("any", '{"a": [1, null]}'): {"a": [1, None]},
    ("list(string)", '["a", 1, true]'): ["a", "1", "true"],
    ("set(number)", '["1", 2.50]'): [1, Decimal("2.50")],
    ("map(bool)", '{"a": "true"}'): {"a": True},
    ("list", "[1]"): [1],
    ("object({ a = number, b = list(string) })", '{"a": "1", "b": [2], "c": 3}'): {"a": 1, "b": ["2"]},
    ('"string"', "x"): "x",
}


@pytest.mark.parametrize(("given", "value"), CONVERSIONS.items(), ids=map(str, CONVERSIONS))
@pytest.mark.parametrize("through", ["argument", "environment"])
def test_given_text_becomes_the_declared_type(
    evaluate: Evaluate, given: tuple[str, str], value: Any, through: str
) -> None:
    kind, text = given
    before = f'variable "x" {{\n type = {kind}\n description = "d"\n}}\n'
    if through == "argument":
        assert evaluate("var.x", before=before, variables={"x": text}) == value
    else:
        assert evaluate("var.x", {"DSTREAM_VAR_x": text}, before=before) == value


def test_without_type_the_default_decides(evaluate: Evaluate) -> None:
    assert evaluate("var.x", before='variable "x" {\n default = 5\n}\n', variables={"x": "7"}) == 7
    assert evaluate("var.x", before='variable "x" {\n default = true\n}\n', variables={"x": "false"}) is False
    assert evaluate("var.x", before='variable "x" {\n default = [1]\n}\n', variables={"x": "[2]"}) == [2]
    assert evaluate("var.x", before='variable "x" {\n default = "a"\n}\n', variables={"x": "7"}) == "7"
    assert evaluate("var.x", before='variable "x" {\n}\n', variables={"x": "7"}) == "7"
    assert evaluate("var.x", before='variable "x" {\n default = null\n}\n') is None


def test_the_stronger_source_wins(evaluate: Evaluate, tmp_path: Path) -> None:
    first, second = tmp_path / "a.hcl", tmp_path / "b.json"
    first.write_text('x = "first"\ny = upper("file")\nz = env("Z")\n')
    second.write_text('{"x": "second"}')
    before = "".join(f'variable "{name}" {{\n default = "default"\n}}\n' for name in "wxyz")
    given: dict[str, Any] = {"before": before, "var_files": [first, second]}
    environ = {"Z": "from z", **{f"DSTREAM_VAR_{name}": "environment" for name in "xyw"}}
    expression = "[var.w, var.x, var.y, var.z]"
    assert evaluate(expression, environ, **given) == ["environment", "second", "FILE", "from z"]
    assert evaluate(expression, environ, **given, variables={"x": "argument"}) == [
        "environment",
        "argument",
        "FILE",
        "from z",
    ]


def test_value_given_from_outside_is_never_syntax(evaluate: Evaluate) -> None:
    before = 'variable "x" {\n}\n'
    assert evaluate("var.x", before=before, variables={"x": '${env("HOME")} {{ env "HOME" }}"'}) == (
        '${env("HOME")} {{ env "HOME" }}"'
    )


def test_missing_value_is_an_error_where_it_is_used(load: Load) -> None:
    project = load('variable "x" {\n}\n' + TASK.format(config="{ a = var.x }"))
    with pytest.raises(ConfigError) as caught:
        project.task("t")
    assert caught.value.code == "config.unset_variable"
    assert caught.value.where.line == 6
    assert "--var x=…" in (caught.value.hint or "")
    assert "DSTREAM_VAR_x" in (caught.value.hint or "")


def test_unknown_names_are_errors_with_the_nearest(load: Load, tmp_path: Path) -> None:
    text = 'variable "tables" {\n default = []\n}\n'
    with pytest.raises(ConfigError) as caught:
        load(text, variables={"table": "[]"})
    assert (caught.value.code, caught.value.hint) == ("config.unknown_variable", "did you mean `tables`?")
    file = tmp_path / "vars.hcl"
    file.write_text("\ntabels = []\n")
    with pytest.raises(ConfigError) as caught:
        load(text, var_files=[file])
    assert (caught.value.code, caught.value.where.line) == ("config.unknown_variable", 2)
    with pytest.raises(ConfigError) as caught:
        load(text + TASK.format(config="{ a = var.tablez }")).task("t")
    assert (caught.value.code, caught.value.hint) == ("config.unknown_variable", "did you mean `tables`?")
    load(text, {"DSTREAM_VAR_other": "is none of this file's business"})


WRONG = {
    'variable "x" {\n type = strng\n}': (2, "not a type"),
    'variable "x" {\n type = list(1)\n}': (2, "not a type"),
    'variable "x" {\n type = object(string)\n}': (2, "not a type"),
    'variable "x" {\n type = number\n default = "many"\n}': (3, "the default: expected a number"),
    'variable "x" {\n type = list(string)\n default = "a"\n}': (3, "the default: expected a list, not a text"),
    'variable "x" {\n type = map(string)\n default = []\n}': (3, "the default: expected an object"),
    'variable "x" {\n type = object({ a = string })\n default = {}\n}': (3, "lacks `a`"),
    'variable "x" {\n type = number\n sensitive = true\n}': (3, "cannot be kept secret"),
}


@pytest.mark.parametrize(("text", "expected"), WRONG.items(), ids=WRONG)
def test_wrong_declaration(load: Load, text: str, expected: tuple[int, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert caught.value.code == "config.type"
    assert expected[1] in caught.value.message
    assert caught.value.where.line == expected[0]


def test_other_wrong_declarations(load: Load) -> None:
    for text, code in {
        "variable {\n}": "config.syntax",
        'variable "x" {\n defualt = 1\n}': "config.unknown_attribute",
        'variable "x" {\n}\nvariable "x" {\n}': "config.duplicate",
        'variable "x" {\n default = var.y\n}': "config.unknown_name",
        'locals "x" {\n}': "config.syntax",
        "locals {\n a {\n }\n}": "config.unknown_block",
        "locals {\n a = 1\n}\nlocals {\n a = 2\n}": "config.duplicate",
    }.items():
        with pytest.raises(ConfigError) as caught:
            load(text)
        assert caught.value.code == code, text


@pytest.mark.parametrize(("kind", "text"), [("number", "many"), ("bool", "yes"), ("list(string)", "a,b")])
def test_wrong_value_says_where_it_came_from_and_not_what_it_is(load: Load, kind: str, text: str) -> None:
    project = load(
        f'variable "x" {{\n type = {kind}\n}}\n' + TASK.format(config="{ a = var.x }"), variables={"x": text}
    )
    with pytest.raises(ConfigError) as caught:
        project.task("t")
    assert caught.value.code == "config.type"
    assert caught.value.message.startswith("`--var`: variable `x`: ")
    assert text not in caught.value.message


def test_wrong_variable_files(load: Load, tmp_path: Path) -> None:
    text = 'variable "x" {\n}\n'
    for name, content, code in [
        ("a.hcl", "x {\n}", "config.unknown_block"),
        ("b.hcl", "x = 1\nx = 2", "config.duplicate"),
        ("c.hcl", "x = ", "config.syntax"),
        ("d.hcl", "x = var.x", "config.unknown_name"),
        ("e.json", "[1]", "config.type"),
        ("f.json", "{", "config.json"),
    ]:
        file = tmp_path / name
        file.write_text(content)
        with pytest.raises(ConfigError) as caught:
            load(text, var_files=[file])
        assert caught.value.code == code, name
        assert caught.value.where.file == str(file)
    with pytest.raises(ConfigError, match=r"config\.no_file"):
        load(text, var_files=[tmp_path / "missing.hcl"])
