"""What holds for every text and every value."""

from __future__ import annotations

import contextlib
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.config.expressions import Scope
from orchestrator.config.functions import Surroundings
from orchestrator.config.hcl import parse
from orchestrator.config.jsontext import decode_json
from orchestrator.config.lexical import mask
from orchestrator.config.model import JSON, encode_json
from orchestrator.config.source import Source
from orchestrator.config.syntax import Body
from orchestrator.config.values import same
from orchestrator.errors import ConfigError

FOLDER = Path("/nowhere")

texts = st.text(st.characters(exclude_categories=["Cs"]))
env_values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
numbers = st.one_of(
    st.integers(-(10**30), 10**30),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20),
)
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)
FRAGMENTS = [
    *"{}[]()\"'\\`;,:=\n #.*-+/%!?<>&|$~^@é\0\r\t01",
    *('task "t" {\n', "input {\n", "}\n", "config = ", "a = 1\n", "${", "{{ ", " }}", '{{ env "X" }}', '\\"', "%{"),
    *("<<EOT\n", "EOT\n", "<<-E\n", "\nE", "/*", "*/", "//", "env(", "for ", "in ", "if ", "true", "null", "1e9", "1-"),
    *("$${", "%%{", "...", "=>", "::", "a.b", "[*]", ".*", "x ", "local.a", "0.1"),
]
garbage = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(FRAGMENTS), max_size=25).map("".join))


def source(text: str) -> Source:
    return Source("dstream.hcl", text, FOLDER)


def evaluate(text: str, environ: dict[str, str]) -> JSON:
    return Scope(Surroundings(environ, FOLDER)).evaluate(parse(source(f"x = {text}\n")).attributes[0].value)


def quoted(text: str) -> str:
    """Text as HCL writes it, by the rules of the language and nothing of ours."""
    escaped = json.dumps(text, ensure_ascii=False)[1:-1].replace("\x7f", "\x7f")
    escaped = re.sub(r"\\([bf])", lambda found: {"b": r"\u0008", "f": r"\u000c"}[found[1]], escaped)
    escaped = escaped.replace("${", "$${").replace("%{", "%%{")
    return '"' + re.sub(r"\{(?=\{)", r"\\u007b", escaped) + '"'


def written(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            return str(value)
        case str():
            return quoted(value)
        case list():
            return "[" + ", ".join(map(written, value)) + "]"
        case _:
            return "{" + ", ".join(f"{quoted(key)} = {written(item)}" for key, item in value.items()) + "}"


@given(env_values)
@example('"\nadmin = "x')
@example("${x}{{ env `Y` }}%{ if }")
def test_any_value_survives_env(value: str) -> None:
    for spelling in ['env("X")', r'"{{ env \"X\" }}"', '"{{ env "X" }}"', '"${env("X")}"']:
        assert evaluate(spelling, {"X": value}) == value
    assert evaluate('"<${env("X")}>"', {"X": value}) == f"<{value}>"


@given(values)
def test_any_value_written_as_hcl_comes_back(value: Any) -> None:
    assert same(evaluate(written(value), {}), value)


@given(values)
def test_any_value_comes_back_through_json(value: Any) -> None:
    line = encode_json(value)
    assert b"\n" not in line
    assert same(decode_json(line.decode(), source("").at(0)), value)


@given(texts.filter(lambda text: "\r" not in text))
def test_any_text_survives_a_heredoc(text: str) -> None:
    body = text.replace("${", "$${").replace("%{", "%%{") + "\n"
    if "{{" in body or re.search(r"^[ \t]*END[ \t]*$", body, re.MULTILINE):
        return
    assert evaluate(f"<<END\n{body}END", {}) == text + "\n"


@given(garbage)
@example("x = " + "(" * 5000)
@example("x = " + "-" * 5000 + "1")
@example("x = " + "a." * 5000 + "a")
@example("x = " + "1+" * 5000 + "1")
@example("x = " + "true ? 1 : " * 1000 + "1")
@example('x = "' + "${" * 5000)
@example("x {\n" * 500 + "}\n" * 500)
@example("\ufeffx = 1")
def test_garbage_is_a_tree_or_a_configuration_error_with_its_place(text: str) -> None:
    outcome = parse_or_error(text)
    if isinstance(outcome, ConfigError):
        where, lines = outcome.where, text.split("\n")
        assert where.line is not None
        assert where.column is not None
        assert where.text == lines[where.line - 1]
        assert 1 <= where.column <= len(where.text) + 1
        return
    scope = Scope(Surroundings({"X": "x"}, FOLDER))
    for attribute in outcome.attributes:
        with contextlib.suppress(ConfigError):
            scope.evaluate(attribute.value)


def parse_or_error(text: str) -> Body | ConfigError:
    try:
        return parse(source(text))
    except ConfigError as error:
        return error


@given(garbage)
def test_lexical_pass_moves_nothing(text: str) -> None:
    try:
        masked = mask(source(text))
    except ConfigError:
        return
    assert len(masked) == len(text)
    for before, after in zip(text, masked, strict=True):
        assert before == after or after in 'xn+" \n'


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(lambda name: name not in ("in", "if", "for"))
SPACE = st.sampled_from(["", " ", "\t", ' /* c; { " */ '])
ENDS = st.sampled_from(["\n", ' # comment "{\n', "\n\n", " // ${\n", "\n/* a\n b */\n"])


@given(st.lists(st.tuples(NAMES, SPACE, values, ENDS), max_size=6))
def test_every_attribute_is_where_it_was_written(items: list[tuple[str, str, Any, str]]) -> None:
    text = ""
    places: list[tuple[str, int, int]] = []
    for name, space, value, end in items:
        places.append((name, len(text), len(f"{text}{name}{space}={space}")))
        text += f"{name}{space}={space}{written(value)}{end}"
    body = parse(source(text))
    assert [(item.name, item.at.offset, item.value.at.offset) for item in body.attributes] == places
    for item in body.attributes:
        where = item.at.where
        assert where.line == text.count("\n", 0, item.at.offset) + 1
        assert where.text is not None
        assert where.column is not None
        assert where.text[where.column - 1 :].startswith(item.name)


@pytest.mark.parametrize("separator", [";", "; ", ",", "\n", " ;\n"])
def test_every_separator_of_items_means_the_same(separator: str) -> None:
    assert evaluate(f"{{ a = 1{separator} b = {{ c = 2{separator}d = 3 }} }}", {}) == {"a": 1, "b": {"c": 2, "d": 3}}
