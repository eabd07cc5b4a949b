"""docs/delivery.md promises nothing that no test holds."""

from __future__ import annotations

import re

import pytest

from tests.repo.tracked import REPOSITORY

DOCUMENT = (REPOSITORY / "docs" / "delivery.md").read_text()
NAMED = sorted(set(re.findall(r"`((?:tests/)?[\w/]+\.py)::(\w+)`", DOCUMENT)))


@pytest.mark.parametrize(("file", "test"), NAMED, ids=[test for _, test in NAMED])
def test_the_test_that_a_sentence_names_exists(file: str, test: str) -> None:
    path = REPOSITORY / (file if file.startswith("tests/") else f"tests/faults/{file}")
    assert f"def {test}(" in path.read_text()


def test_every_fault_is_mentioned() -> None:
    told = {test for _, test in NAMED}
    for path in (REPOSITORY / "tests" / "faults").glob("test_*.py"):
        if path.name != "test_sinkfile.py":
            assert told & set(re.findall(r"def (test_\w+)\(", path.read_text())), path.name
