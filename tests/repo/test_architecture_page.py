"""The page on how dstream is built shows the layers that the import contracts hold."""

from __future__ import annotations

import re
import tomllib
from xml.etree import ElementTree

from tests.repo.tracked import REPOSITORY, text

PAGE = text(REPOSITORY / "docs" / "architecture.md")


def test_the_layers_stand_there_in_the_order_of_the_contract() -> None:
    contracts = tomllib.loads(text(REPOSITORY / "pyproject.toml"))["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    (drawn,) = re.findall(r"```text\n(cli .*?)```", PAGE, re.DOTALL)
    assert [set(line[:25].split()) for line in drawn.splitlines()] == [
        set(re.findall(r"orchestrator\.(\w+)", layer)) for layer in layers
    ]


def test_the_picture_is_whole_and_says_in_words_what_it_shows() -> None:
    picture = ElementTree.parse(REPOSITORY / "docs" / "architecture.svg").getroot()
    names = {element.tag.rpartition("}")[2] for element in picture}
    assert {"title", "desc"} <= names
    assert re.search(r"!\[[^]]{40,}\]\(architecture\.svg\)", PAGE)
