"""The block to copy: what it says when dstream reads it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.cli.marketplace.site.hcl_block import hcl_block
from orchestrator.config.hcl import parse
from orchestrator.config.load import load_project
from tests.cli.site.offered import entry

if TYPE_CHECKING:
    from orchestrator.config.model import Role

IMAGES = Path(__file__).parents[3] / "images"
Read = Callable[[str], Mapping[str, Any]]
EVERY_VARIABLE = dict.fromkeys(["CONNECTION_STRING", "LOGIN_PASSWORD", "SECRET"], "hidden")

texts = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ['${env("HOME")}', "$${", "%{ if }", '{{ env "HOME" }}', "{{{", "${{", 'a"b\\', "\n# x\r\t\x00\x9b\u202e\U000e0001"]
)
scalars = texts | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Read:
    """What a task gives its `input` for a config, when the block is copied into it."""
    file = tmp_path_factory.mktemp("copied") / "dstream.hcl"

    def read(block: str) -> Mapping[str, Any]:
        other = "input" if block.startswith("output") else "output"
        file.write_text(f'task "t" {{\n{block}{other} {{\n provider_image = "other:v1"\n}}\n}}\n', "utf-8", newline="")
        project = load_project(file, environ=EVERY_VARIABLE, parse=lambda sources: [parse(each) for each in sources])
        task = project.tasks["t"]
        return dict((task.input if other == "output" else task.output).config)

    return read


def requiring(fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields)}


@given(st.dictionaries(texts, values, max_size=3))
def test_every_example_is_read_as_what_it_is(read: Read, examples: dict[str, Any]) -> None:
    schema = requiring({name: {"examples": [value]} for name, value in examples.items()})
    assert json.loads(json.dumps(read(hcl_block(entry(), "input", schema)), default=float)) == examples


def test_a_secret_comes_from_the_environment_wherever_it_lies(read: Read) -> None:
    secret = {"type": "string", "writeOnly": True, "examples": ["Password=x"]}
    schema = requiring({"connection_string": secret, "login": requiring({"user": {}, "password": secret}), "ü": secret})
    block = hcl_block(entry(), "input", schema)
    assert "Password=x" not in block
    assert 'env("CONNECTION_STRING")' in block
    assert read(block) == {
        "connection_string": "hidden",
        "login": {"user": "…", "password": "hidden"},
        "ü": "hidden",
    }


def test_what_has_no_example_is_its_default_or_of_its_type(read: Read) -> None:
    fields = {
        "mode": {"enum": ["slow", "fast"]},
        "level": {"default": 3},
        "kind": {"const": "x"},
        "count": {"type": "integer"},
        "maybe": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
        "tables": {"type": "array"},
        "odd": {"type": ["string", "null"]},
    }
    expected = {"mode": "slow", "level": 3, "kind": "x", "count": 0, "maybe": False, "tables": [], "odd": "…"}
    assert read(hcl_block(entry(), "output", requiring(fields))) == expected


def test_a_schema_that_leads_to_itself_comes_to_an_end(read: Read) -> None:
    schema = {"$defs": {"n": requiring({"n": {"type": "object", "$ref": "#/$defs/n"}})}, "$ref": "#/$defs/n"}
    assert "n" in read(hcl_block(entry(), "input", schema))


def test_an_artifact_stands_behind_the_attribute_for_artifacts() -> None:
    offered = entry()
    assert hcl_block(offered, "input", None) == 'input {\n  provider_image = "registry.test/team/p:v1.2.3"\n}\n'
    offered.kind = "artifact"
    assert "provider_ref = " in hcl_block(offered, "input", {})


@pytest.mark.parametrize("described", sorted(IMAGES.glob("*/provider.json")), ids=lambda path: path.parent.name)
def test_the_blocks_of_our_own_providers_fit_their_schemas(described: Path, read: Read) -> None:
    said = json.loads(described.read_text("utf-8"))
    role: Role = said["role"]
    config = read(hcl_block(entry(), role, said["config_schema"]))
    jsonschema.validate(config, said["config_schema"])
