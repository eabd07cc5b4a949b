"""The commands of docs/writing-providers.md, from the first to the last, as they stand there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.providers.conftest import Author
    from tests.servers.registry import Registry

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

PAGE = Path(__file__).parents[3] / "docs" / "writing-providers.md"
NAMESPACE = "ghcr.io/octo-org"


def test_the_pages_commands_lead_from_nothing_to_a_provider_that_others_find_and_run(
    author: Author, registry_of_the_author: Registry
) -> None:
    page = PAGE.read_text().replace(NAMESPACE, f"{registry_of_the_author.address}/octo-org")
    commands = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    for name, text in re.findall(r"```hcl file=(\S+)\n(.*?)```", page, re.DOTALL):
        (author.folder / name).write_text(text)
    author.types(f"docker login --username octo --password token-of-octo {registry_of_the_author.address}")

    made, *later = commands
    author.types(made)
    (author.folder / "orders.hcl").rename(author.folder / "orders-input" / "orders.hcl")
    author.folder /= "orders-input"
    said = [author.types(block) for block in later]

    assert any(", 0 broken, " in done.stdout for done in said)
    assert sum(done.stderr.count("3 emitted = 3 relayed = 3 acknowledged") for done in said) == 2
    assert any("5 emitted = 5 relayed = 5 acknowledged" in done.stderr for done in said)
    found = said[-1].stdout.splitlines()[-1]
    assert found.startswith(f"{registry_of_the_author.address}/octo-org/orders-input:v0.1.0")
