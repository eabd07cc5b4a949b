"""docs/dstream-hcl.md says all that dstream.hcl may hold, and what it shows is so."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest

from orchestrator.config.fields import Fields
from orchestrator.config.formatting import format_text
from orchestrator.config.functions import FUNCTIONS
from orchestrator.config.hcl import parse
from orchestrator.config.load import _BLOCKS as TOP_BLOCKS
from orchestrator.config.lockfile import _ATTRIBUTES as LOCK_ATTRIBUTES
from orchestrator.config.model import Delivery, PullPolicy, Restart, RestartPolicy, SharedState, encode_json
from orchestrator.config.provider import _MOUNT_KEYS
from orchestrator.config.provider import ATTRIBUTES as PROVIDER_ATTRIBUTES
from orchestrator.config.provider import BLOCKS as PROVIDER_BLOCKS
from orchestrator.config.removed import IN_PROVIDER, IN_TASK, TOP_LEVEL
from orchestrator.config.source import Source
from orchestrator.config.state import _ATTRIBUTES as STATE_ATTRIBUTES
from orchestrator.config.tasks import _BLOCKS as TASK_BLOCKS
from orchestrator.config.types import _COLLECTIONS, _PRIMITIVES
from orchestrator.config.units import _SECONDS, parse_duration, parse_size
from orchestrator.errors import Where
from orchestrator.settings import Settings

from .conftest import TASK, Evaluate, Load

PAGE = (Path(__file__).parents[3] / "docs" / "dstream-hcl.md").read_text("utf-8")
SNIPPETS = re.findall(r"```hcl\n(.*?)```", PAGE, re.DOTALL)
[LOCK] = re.findall(r"```hcl file=dstream\.lock\.hcl\n(.*?)```", PAGE, re.DOTALL)
TEXT = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
SECTIONS = dict(re.findall(r"^##+ (.+?)\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL))
ENVIRON = {"SQL_CONNECTION": "Server=a", "STATE_CONNECTION": "AccountName=a"}

HEADINGS = {"input": "input and output", "output": "input and output", "the lock": "The lock", "provider": "The lock"}
"""Of blocks that do not have a section of their own name."""


def cells(heading: str) -> dict[str, list[str]]:
    """The rows of a section's tables, by the name that each begins with."""
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in SECTIONS[heading].splitlines() if row[:1] == "|"]
    return {found[1]: row[1:] for row in rows if (found := re.match(r"`([a-z_0-9]+)", row[0]))}


def take(load: Load, text: str) -> None:
    """Read all that a snippet says."""
    project = load(text, ENVIRON, variables={"password": "hunter2"} if '"password"' in text else {})
    list(project.tasks.values())
    list(project.uses())
    project.state()


@pytest.fixture
def accepted(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """The names that each reader accepts, by the section that has to tell of it, as the page's snippets show them."""
    names: dict[str, set[str]] = {}
    begin = Fields.__init__

    def spy(self: Fields, *given: Any, attributes: Collection[str], blocks: Collection[str] = (), **more: Any) -> None:
        block = given[1].strip("`").split(' "')[0]
        names.setdefault(HEADINGS.get(block, block), set()).update(attributes, blocks)
        begin(self, *given, attributes=attributes, blocks=blocks, **more)

    monkeypatch.setattr(Fields, "__init__", spy)
    (tmp_path / "dstream.lock.hcl").write_text(LOCK, "utf-8")
    for text in SNIPPETS:
        take(load, text)
    return names


@pytest.mark.parametrize("text", SNIPPETS, ids=lambda text: text.split("\n", 1)[0])
def test_every_snippet_is_read_without_an_error(load: Load, text: str) -> None:
    take(load, text)


def test_the_lock_it_shows_is_one(load: Load, tmp_path: Path) -> None:
    (tmp_path / "dstream.lock.hcl").write_text(LOCK, "utf-8")
    assert len(load(SNIPPETS[0]).locked or ()) == 1


def test_every_name_that_a_reader_accepts_is_in_its_table_and_no_other(accepted: Mapping[str, set[str]]) -> None:
    of_provider = {*PROVIDER_ATTRIBUTES, *PROVIDER_BLOCKS}
    assert set(accepted) == {
        "task", "input and output", "restart", "delivery", "dead_letter", "state", "trust", "namespace", "variable",
        "The lock",
    }  # fmt: skip
    assert accepted["input and output"] == of_provider
    assert accepted["dead_letter"] >= of_provider
    assert accepted["task"] >= set(TASK_BLOCKS)
    assert accepted["state"] == set(STATE_ATTRIBUTES)
    assert accepted["The lock"] >= set(LOCK_ATTRIBUTES)
    for heading, names in accepted.items():
        expected = names - of_provider if heading == "dead_letter" else names
        assert set(cells(heading)) == expected, heading


def test_every_block_of_the_file_is_in_the_table() -> None:
    assert sorted(cells("The file")) == sorted(TOP_BLOCKS)


def test_every_choice_type_and_unit_is_named() -> None:
    for name in get_args(PullPolicy):
        assert f'`"{name}"`' in cells("input and output")["pull"][-1]
    for name in get_args(RestartPolicy):
        assert f'`"{name}"`' in cells("restart")["policy"][-1]
    for name in (*_PRIMITIVES, *_COLLECTIONS, "object"):
        assert re.search(rf"`{name}[`(]", SECTIONS["variable"]), name
    for name in _MOUNT_KEYS:
        assert f"{name} = " in SECTIONS["mounts"]
    for unit in _SECONDS:
        assert f"`{unit}`" in SECTIONS["The file"]


DEFAULTS = {
    ("restart", "backoff"): Restart().backoff,
    ("restart", "max_backoff"): Restart().max_backoff,
    ("restart", "reset_after"): Restart().reset_after,
    ("delivery", "max_in_flight"): Delivery().max_in_flight,
    ("delivery", "ack_timeout"): Settings.model_fields["ack_timeout"].default,
    ("state", "term"): SharedState("", "", Where()).term,
    ("input and output", "memory"): Settings.model_fields["memory"].default,
    ("input and output", "ready_timeout"): Settings.model_fields["ready_timeout"].default,
}


@pytest.mark.parametrize(("place", "default"), DEFAULTS.items(), ids=map(".".join, DEFAULTS))
def test_a_default_is_the_one_of_the_code(place: tuple[str, str], default: float) -> None:
    heading, name = place
    _, said, _ = cells(heading)[name]
    text = said.split("`")[1].strip('"')
    assert (parse_size(text) if name == "memory" else parse_duration(text)) == default


def test_every_function_is_in_the_table() -> None:
    assert sorted(cells("Functions")) == sorted(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_example_of_a_function_gives_what_the_table_says(evaluate: Evaluate, tmp_path: Path, name: str) -> None:
    (tmp_path / "motto.txt").write_text("one\ntwo\n")
    example, gives, _ = (cell.strip("`") for cell in cells("Functions")[name])
    assert example.startswith(f"{name}(")
    assert encode_json(evaluate(example)).decode() == gives


def test_every_verb_of_format_is_known() -> None:
    [verbs] = re.findall(r"with `(%.+?)`", SECTIONS["Functions"])
    values: list[Any] = [True if verb == "%t" else 1 for verb in verbs.split() if verb != "%%"]
    format_text(verbs, values, Source("verbs", verbs, Path()).at(0))


def test_an_expression_gives_what_its_comment_says(load: Load) -> None:
    [text] = [text for text in SNIPPETS if "tables = [" in text and "stage" in text]
    said = dict(re.findall(r"^  (\w+) +=.*? +# (.+)$", text, re.MULTILINE))
    [block] = [block for block in parse(Source("page", text, Path())).blocks if block.type == "locals"]
    names = [attribute.name for attribute in block.body.attributes]
    config = "{ " + ", ".join(f"{name} = local.{name}" for name in names) + " }"
    values = load(text + TASK.format(config=config)).task("t").input.config
    assert values.pop("text") == "select *\n  from Orders\n"
    assert {name: encode_json(value).decode() for name, value in values.items()} == said


def test_every_removed_form_is_told_where_it_stood() -> None:
    rows = [row.split("|")[1:3] for row in SECTIONS["Forms that are gone"].splitlines() if row[:1] == "|"]
    for where, names in {"the file": TOP_LEVEL, "a task": IN_TASK, "`input`, `output`": IN_PROVIDER}.items():
        told = " ".join(forms for place, forms in rows if place.strip() == where)
        assert set(names) <= set(re.findall(r"`(\w+)`", told)), where
