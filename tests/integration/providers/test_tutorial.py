"""The tutorial, from its first line to its last, as it stands there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.console import steps

if TYPE_CHECKING:
    from tests.integration.providers.conftest import Author

pytestmark = [pytest.mark.engine, pytest.mark.timeout(400)]

PAGE = Path(__file__).parents[3] / "docs" / "tutorial.md"


def test_what_the_tutorial_shows_is_what_its_commands_say(author: Author) -> None:
    todo = steps(PAGE.read_text())
    assert len(todo) > 12
    try:
        for step in todo:
            step.take(author.folder, author.environ)
    finally:
        author.types("dstream stop --all")
    assert author.types("docker ps --all --quiet").stdout == ""
