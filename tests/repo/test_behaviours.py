"""The table of what the SQL Server input does, beside the tests that show it."""

from __future__ import annotations

import ast
import re

import pytest

from tests.repo.tracked import REPOSITORY, name

PROVIDER = REPOSITORY / "images" / "mssql-cdc-provider"
NUMBERS = range(1, 35)
_ROW = re.compile(r"^\| (\d+) \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)
_NUMBERED = re.compile(r"(\d+(?:, \d+)*)\.(?:\s|$)")
_NOT_OURS = "does not apply: "


def shown() -> dict[str, set[int]]:
    """The numbers at the head of every test's docstring."""
    found: dict[str, set[int]] = {}
    for path in sorted((PROVIDER / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                said = _NUMBERED.match(ast.get_docstring(node) or "")
                numbers = {int(one) for one in said[1].split(", ")} if said else set[int]()
                found.setdefault(node.name, set[int]()).update(numbers)
                assert numbers <= set(NUMBERS), f"{name(path)}: {node.name} bears a number that the table has not"
    return found


def rows() -> dict[int, str]:
    """What the table says of every number."""
    table = (PROVIDER / "README.md").read_text(encoding="utf-8").partition("## Behaviours")[2]
    listed = _ROW.findall(table)
    assert len({number for number, _ in listed}) == len(listed)
    return {int(number): text for number, text in listed}


def test_every_behaviour_is_in_the_table_in_order() -> None:
    assert list(rows()) == list(NUMBERS)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_behaviour_names_the_tests_that_bear_its_number_or_says_why_it_does_not_apply(number: int) -> None:
    text, tests = rows()[number], shown()
    named = re.findall(r"`(test_\w+)`", text)
    assert named or text.startswith(_NOT_OURS)
    assert [one for one in named if number not in tests.get(one, set())] == []
