"""A new provider, from nothing to a run, in a folder that knows nothing of this repository."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

if TYPE_CHECKING:
    from tests.integration.providers.conftest import Author
    from tests.servers.registry import Registry

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

OWNER = "Octo-Org"


def steps(workflow: str) -> list[str]:
    """The commands of a workflow, in their order."""
    return re.findall(r"^ +(?:- )?run: (.+)$", workflow, re.MULTILINE)


def test_a_new_input_passes_its_own_workflow_and_what_that_published_runs(
    author: Author, registry_of_the_author: Registry, engine: str
) -> None:
    author.types("dstream providers new orders-input --kind input")
    author.folder /= "orders-input"
    written = {path: path.read_bytes() for path in author.folder.rglob("*") if path.is_file()}
    variables = author.folder.parent / "variables"
    variables.touch()
    runner = {
        "REGISTRY": registry_of_the_author.address,
        "GITHUB_REPOSITORY_OWNER": OWNER,
        "GITHUB_ACTOR": "octo",
        "GITHUB_REF_NAME": "v0.1.0",
        "GITHUB_ENV": str(variables),
        "TOKEN": "token-of-octo",
    }
    commands = steps((author.folder / ".github/workflows/provider.yml").read_text())
    assert len(commands) >= 9
    for command in commands:
        known = dict(line.split("=", 1) for line in variables.read_text().splitlines())
        author.types(command, **runner, **known)
    published = f"{registry_of_the_author.address}/{OWNER.lower()}/orders-input"
    report = ElementTree.parse(author.folder / "contract.xml").getroot()
    assert report.get("failures") == "0"
    assert int(report.get("tests", "0")) > 10
    assert {path: path.read_bytes() for path in written} == written

    assert author.types("docker ps --all --quiet --filter label=io.dstream.task=contract").stdout == ""
    author.types(f"docker rmi {published}:v0.1.0")
    mirrors = json.loads(author.environ["DSTREAM_MIRRORS"]) | {"docker.io/library/orders-input": published}
    ran = author.types("dstream run image", DSTREAM_MIRRORS=json.dumps(mirrors))
    assert re.findall(r'"id":(\d+)', ran.stdout) == ["1", "2", "3"]
    assert "pulling orders-input" in ran.stderr
    assert "3 emitted = 3 relayed = 3 acknowledged" in ran.stderr
    assert "at-least-once" in ran.stderr


def test_a_new_output_without_the_sdk_builds_keeps_the_contract_and_runs(author: Author) -> None:
    author.types("dstream providers new orders-output --kind output --template dockerfile")
    author.folder /= "orders-output"
    image = author.types("./build").stdout.strip()
    assert image == "orders-output:v0.1.0"
    # All the checks pass as a process in another test; these are about what the container is given.
    checks = ("announces_what_it_describes", "acknowledges_in_order_and_ends", "exits_when_its_input_is_gone")
    author.types(f"dstream providers test {image} " + " ".join(f"--only {check}" for check in checks))
    ran = author.types("dstream run image")
    assert "1,000 emitted = 1,000 relayed = 1,000 acknowledged" in ran.stderr
    assert "at-least-once" in ran.stderr
