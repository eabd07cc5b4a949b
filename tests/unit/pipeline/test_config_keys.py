"""A config's keys out of schemas that strangers wrote."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.pipeline.config_keys import Key, config_keys
from orchestrator.pipeline.config_schema import secret_parts


def shown(schema: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key.name, key.type) for key in config_keys(schema)]


def test_a_key_has_what_its_schema_says() -> None:
    field = {"type": "integer", "default": 5, "examples": [7, 8], "description": "How\n often.", "x-aliases": ["Often"]}
    assert config_keys({"properties": {"often": field}, "required": ["often"]}) == [
        Key("often", "integer", required=True, default="5", example="7", meaning="How often.", also=("Often",))
    ]


def test_types_are_told_as_people_say_them() -> None:
    fields = {
        "a": {"type": "array", "items": {"type": "string"}},
        "b": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "c": {"enum": ["x", None]},
        "d": {"type": "string", "writeOnly": True},
        "e": {"type": "object", "additionalProperties": {"type": "boolean"}},
        "f": {"type": ["string", "null"]},
        "g": {},
        "h": {"const": 1},
    }
    assert shown({"properties": fields}) == [
        ("a", "list of string"),
        ("b", "integer or null"),
        ("c", '"x" or null'),
        ("d", "string, secret"),
        ("e", "map of boolean"),
        ("f", "string or null"),
        ("g", "any"),
        ("h", "1"),
    ]


def test_keys_inside_objects_lists_and_alternatives_follow_theirs() -> None:
    login = {"type": "object", "properties": {"user": {"type": "string"}}}
    schema = {
        "properties": {
            "login": {"anyOf": [{"$ref": "#/$defs/Login"}, {"type": "null"}]},
            "tables": {"type": "array", "items": {"$ref": "#/$defs/Login"}},
        },
        "$defs": {"Login": login},
    }
    assert [key.name for key in config_keys(schema)] == ["login", "login.user", "tables", "tables[].user"]


def test_a_schema_that_refers_to_itself_ends() -> None:
    node = {"properties": {"left": {"$ref": "#/$defs/Node"}, "right": {"$ref": "#/$defs/Node"}}}
    names = [key.name for key in config_keys({"$ref": "#/$defs/Node", "$defs": {"Node": node}})]
    assert names[0] == "left"
    assert len(names) < 20
    assert config_keys({"$ref": "#"}) == []


def test_a_schema_that_branches_at_every_step_is_walked_once() -> None:
    steps = {f"s{n}": {"anyOf": [{"$ref": f"#/$defs/s{n + 1}"}, {"$ref": f"#/$defs/s{n + 1}"}]} for n in range(40)}
    schema = {"$ref": "#/$defs/s0", "$defs": {**steps, "s40": {"properties": {"end": {"writeOnly": True}}}}}
    assert [key.name for key in config_keys(schema)] == ["end"]
    assert secret_parts(schema, {"end": "x"}) == {("end",): "x"}


def test_a_secret_is_found_under_every_spelling_and_through_references() -> None:
    schema = {
        "properties": {
            "login": {"$ref": "#/$defs/Login"},
            "keys": {"items": {"writeOnly": True}},
            "token": {"writeOnly": True, "x-aliases": ["Token"]},
        },
        "$defs": {"Login": {"properties": {"password": {"writeOnly": True}}}},
    }
    config = {"login": {"user": "u", "password": "p"}, "keys": ["a", "b"], "Token": 4711}
    assert secret_parts(schema, config) == {
        ("login", "password"): "p",
        ("keys", 0): "a",
        ("keys", 1): "b",
        ("Token",): 4711,
    }


_REFERENCES = st.sampled_from(["#", "#/$defs/a", "#/properties/a", "elsewhere", 7])
_KEYWORDS = (
    "properties",
    "required",
    "items",
    "anyOf",
    "x-aliases",
    "examples",
    "enum",
    "type",
    "description",
    "$defs",
)
_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from((*_KEYWORDS, "a", "b")), inner, max_size=4)
        | st.fixed_dictionaries({"$ref": _REFERENCES}, optional={"properties": inner, "anyOf": inner})
    ),
    max_leaves=20,
)


@given(schema=st.dictionaries(st.sampled_from(_KEYWORDS), _anything, max_size=5), config=_anything)
def test_no_schema_however_malformed_makes_it_fail(schema: dict[str, Any], config: Any) -> None:
    assert len(config_keys(schema)) <= 1_000
    secret_parts(schema, config)
