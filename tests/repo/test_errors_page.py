"""The page on errors has every family of codes that the code raises, and no other."""

from __future__ import annotations

import ast
import re

from orchestrator import errors
from tests.repo.tracked import REPOSITORY, files, text

RAISED = {name for name in dir(errors) if name.endswith("Error")}


def families_raised() -> set[str]:
    calls = (
        node
        for path in files("*.py")
        if path.is_relative_to(REPOSITORY / "orchestrator")
        for node in ast.walk(ast.parse(text(path)))
        if isinstance(node, ast.Call)
    )
    return {
        str(code.value).partition(".")[0]
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id in RAISED and call.args
        for code in ast.walk(call.args[0])
        if isinstance(code, ast.Constant) and isinstance(code.value, str)
    }


def test_every_family_has_its_row() -> None:
    (table,) = re.findall(r"\| Family \|.*?\n\n", text(REPOSITORY / "docs" / "errors.md"), re.DOTALL)
    told = {name for row in table.strip().splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert families_raised() == told
