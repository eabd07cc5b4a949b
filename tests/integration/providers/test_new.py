"""A new provider, from nothing to a run by somebody else, in a folder that knows nothing of this repository."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from tests.integration.providers.workflow import follow

if TYPE_CHECKING:
    from tests.integration.providers.conftest import Author
    from tests.servers.registry import Registry

pytestmark = [pytest.mark.engine, pytest.mark.timeout(400)]

USERS_FILE = """\
trust {{
  namespace "{owner}" {{
    key = "cosign.pub"
  }}
}}

task "orders" {{
  input {{
    provider_image = "{found}"
    config         = {{ rows = 3 }}
  }}
  output {{
    provider_path = "./own-output/provider"
    config        = {{ path = "records.db" }}
  }}
}}
"""


def test_what_a_new_inputs_workflow_published_is_found_verified_locked_and_run(
    publisher: Author, registry_of_the_author: Registry
) -> None:
    author, owner = publisher, f"{registry_of_the_author.address}/octo-org"
    author.types("dstream providers new orders-input --kind input")
    author.folder /= "orders-input"
    written = {path: path.read_bytes() for path in author.folder.rglob("*") if path.is_file()}
    tested = follow(author, "test", "v0.1.0")
    report = ElementTree.parse(author.folder / "contract.xml").getroot()
    assert report.get("failures") == "0"
    assert int(report.get("tests", "0")) > 10
    published = follow(author, "publish", "v0.1.0")
    assert {path: path.read_bytes() for path in written} == written
    author.types(f"dstream providers catalog push {owner} orders-input")

    author.types(f"docker rmi {tested}")
    author.folder = author.folder.parent / "user"
    author.folder.mkdir()
    author.types("cp ~/cosign.pub . && dstream providers new own-output --kind output --template dockerfile")
    catalog = f"--catalog {owner}/dstream-catalog"
    found = author.types(f"dstream providers search orders {catalog}").stdout.splitlines()[-1].split()[0]
    (author.folder / "dstream.hcl").write_text(USERS_FILE.format(owner=owner, found=found))
    assert f"{published} is signed by key sha256:" in author.types(f"dstream providers verify {found}").stdout
    author.types("dstream providers lock")
    lock = (author.folder / "dstream.lock.hcl").read_text()
    assert f'"{published.partition("@")[2]}"' in lock
    assert '"key sha256:' in lock
    ran = author.types("dstream run --locked orders")
    assert f"pulling {found}" in ran.stderr
    assert "3 emitted = 3 relayed = 3 acknowledged" in ran.stderr
    assert "at-least-once" in ran.stderr


def test_a_new_output_without_the_sdk_builds_keeps_the_contract_runs_and_is_published(publisher: Author) -> None:
    author = publisher
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
    published = follow(author, "publish", "v0.1.0")
    assert re.fullmatch(r"\S+/octo-org/orders-output:v0\.1\.0@sha256:\w{64}", published)
