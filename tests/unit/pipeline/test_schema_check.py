"""Config against the provider's own schema: every finding at its line, and no value in any of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dstream_sdk.protocol import Description
from orchestrator.config.load import load_project
from orchestrator.config.model import ProviderSpec
from orchestrator.errors import ConfigError, Where
from orchestrator.pipeline.schema_check import check_config
from tests.unit.config.conftest import parse_here

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Check = Callable[..., list[ConfigError]]

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["tables"],
    "properties": {
        "tables": {"type": "array", "items": {"type": "string"}, "minItems": 1, "description": "What to read.\nMore."},
        "interval": {"type": "integer", "minimum": 0, "x-aliases": ["Interval", "poll"]},
        "mode": {"enum": ["initial", "never"]},
        "password": {"type": "string", "writeOnly": True, "minLength": 12},
        "pin": {"type": "string", "writeOnly": True},
        "login": {"$ref": "#/$defs/Login"},
        "since": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "to": {
            "anyOf": [
                {"type": "object", "properties": {"kind": {"const": "file"}, "path": {"type": "string"}}},
                {"type": "object", "properties": {"kind": {"const": "queue"}, "size": {"type": "integer"}}},
            ]
        },
    },
    "$defs": {
        "Login": {"type": "object", "required": ["user"], "properties": {"user": {"type": "string", "maxLength": 8}}}
    },
}


@pytest.fixture
def check(tmp_path: Path) -> Check:
    def check(config: str, schema: Any = SCHEMA, environ: dict[str, str] | None = None) -> list[ConfigError]:
        file = tmp_path / "dstream.hcl"
        file.write_text(f"""task "t" {{
  input {{
    provider_image = "in:1"
    {config}
  }}
  output {{ provider_image = "out:1" }}
}}
""")
        project = load_project(file, environ=environ or {}, parse=parse_here)
        return check_config(project.task("t").input, described(schema))

    return check


def described(schema: Any) -> Description:
    return Description(name="mssql-cdc", role="input", protocol=1, config_schema=schema)


def said(errors: list[ConfigError]) -> list[tuple[int | None, str, str]]:
    return [(error.where.line, error.code, error.message) for error in errors]


def test_what_the_schema_allows_has_no_findings(check: Check) -> None:
    assert check('config {\n tables = ["a"]\n interval = 5.0\n mode = "never"\n since = null\n}') == []


def test_every_finding_is_reported_in_the_order_of_the_file(check: Check) -> None:
    config = 'config {\n interval = -1\n mode = "always"\n colour = "red"\n tables = ["a", 7]\n}'
    assert said(check(config)) == [
        (5, "config.value", "`interval` is less than 0"),
        (6, "config.value", '`mode` is none of `"initial"`, `"never"`'),
        (7, "config.unknown_attribute", "`mssql-cdc` knows no `colour`"),
        (8, "config.value", "`tables[1]` is a number, not a text"),
    ]


def test_an_unknown_name_has_the_nearest_known_one(check: Check) -> None:
    (error,) = check('config {\n tables = ["a"]\n intervall = 5\n}')
    assert error.hint == "did you mean `interval`?"
    assert (error.where.line, error.where.column, error.where.text) == (6, 2, " intervall = 5")


def test_what_is_missing_is_reported_where_it_belongs_and_says_what_it_is(check: Check) -> None:
    (error,) = check("config {\n interval = 5\n}")
    assert said([error]) == [(4, "config.missing_attribute", "`mssql-cdc` needs `tables`")]
    assert error.hint == "What to read."
    (error,) = check('config = { tables = ["a"], login = {} }')
    assert error.message == "`mssql-cdc` needs `login.user`"


def test_what_is_missing_without_any_config_is_reported_at_the_provider(check: Check) -> None:
    assert said(check("")) == [(3, "config.missing_attribute", "`mssql-cdc` needs `tables`")]


def test_another_spelling_is_known_and_errors_keep_it(check: Check) -> None:
    assert check('config {\n tables = ["a"]\n poll = 5\n}') == []
    assert said(check('config {\n tables = ["a"]\n Interval = -5\n}')) == [
        (6, "config.value", "`Interval` is less than 0")
    ]


def test_text_for_a_number_says_how_it_becomes_one(check: Check) -> None:
    (error,) = check('config {\n tables = ["a"]\n interval = env("N")\n}', environ={"N": "50"})
    assert error.message == "`interval` is a text, not a whole number"
    assert error.hint is not None
    assert "jsondecode" in error.hint
    (never,) = check('config {\n tables = ["a"]\n interval = "often"\n}')
    assert never.hint is None
    assert check('config {\n tables = ["a"]\n interval = jsondecode(env("N"))\n}', environ={"N": "50"}) == []


def test_of_several_types_all_are_named(check: Check) -> None:
    (error,) = check('config {\n tables = ["a"]\n since = "monday"\n}')
    assert error.message == "`since` is a text, not a whole number or null"


def test_of_several_forms_the_one_that_was_meant_is_explained(check: Check) -> None:
    config = 'config {\n tables = ["a"]\n to {\n  kind = "queue"\n  size = "big"\n }\n}'
    assert said(check(config)) == [(8, "config.value", "`to.size` is a text, not a whole number")]
    (error,) = check('config {\n tables = ["a"]\n to { kind = "printer" }\n}')
    assert error.message == "`to` has none of the forms that it may have"


def test_a_secret_is_never_shown_nor_the_line_that_holds_it(check: Check) -> None:
    config = 'config {\n tables = ["a"]\n password = "hunter2"\n pin = 4711\n}'
    errors = check(config)
    assert said(errors) == [
        (6, "config.value", "`password` is shorter than 12 characters"),
        (7, "config.value", "`pin` is a number, not a text"),
    ]
    assert [error.where.text for error in errors] == [None, None]
    (beside,) = check('config = { tables = ["a"], pin = "4711", colour = 1 }')
    assert beside.where.text is None


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "objekt"},
        {"$ref": "https://schemas.test/elsewhere.json"},
        {"$ref": "#/$defs/nowhere"},
        {"$ref": "#"},
        {"properties": {"tables": {"items": {"pattern": "("}}}},
        {"properties": {"tables": {"items": {"minLength": "many"}}}},
    ],
    ids=json.dumps,
)
def test_a_schema_that_cannot_be_used_is_an_error_of_its_own(check: Check, schema: Any) -> None:
    with pytest.raises(ConfigError) as raised:
        check('config {\n tables = ["a"]\n}', schema)
    assert raised.value.code == "provider.schema"
    assert "`mssql-cdc`" in raised.value.message
    assert raised.value.where.line == 3


def test_a_provider_without_a_schema_takes_anything(check: Check) -> None:
    assert check("config { anything = [1] }", None) == []


_KEYWORDS: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(["string", "integer", "array", "null", ["object", "null"]]),
    "enum": st.just(["known"]),
    "const": st.just("known"),
    "pattern": st.just("^known$"),
    "minLength": st.just(60),
    "maxLength": st.just(1),
    "maximum": st.just(-1),
    "multipleOf": st.just(0.7),
    "minItems": st.just(9),
    "uniqueItems": st.just(True),
    "contains": st.just({"const": "known"}),
    "not": st.just({}),
    "additionalProperties": st.sampled_from([False, {"type": "boolean"}]),
    "required": st.just(["known"]),
    "dependentRequired": st.just({"a": ["known"]}),
    "propertyNames": st.just({"pattern": "^known$"}),
    "if": st.just({}),
    "then": st.just({"type": "boolean"}),
    "format": st.just("date"),
}
_schemas = st.recursive(
    st.fixed_dictionaries({}, optional=_KEYWORDS),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            **_KEYWORDS,
            "properties": st.fixed_dictionaries({}, optional={"a": inner, "b": inner}),
            "items": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=3),
            "oneOf": st.lists(inner, min_size=1, max_size=3),
            "allOf": st.lists(inner, min_size=1, max_size=2),
        },
    ),
    max_leaves=6,
)
_values = st.recursive(
    st.sampled_from(["s3cr3t-text", 918273645, None, True]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)


@given(schema=_schemas, config=st.dictionaries(st.sampled_from("abc"), _values, max_size=3))
def test_whatever_the_schema_no_value_is_shown_and_every_finding_has_a_place(schema: Any, config: Any) -> None:
    here = Where(file="dstream.hcl", line=1)
    spec = ProviderSpec("input", "image", "in:1", here, config=config)
    for error in check_config(spec, described(schema)):
        assert "s3cr3t" not in f"{error.message} {error.hint}"
        assert "918273645" not in f"{error.message} {error.hint}".replace(",", "")
        assert error.where.line == 1
