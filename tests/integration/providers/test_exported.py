"""The counter and the console in a repository of their own, on the published SDK and base image alone."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.integration.providers.conftest import Author
from tests.integration.providers.workflow import WORKFLOW, follow
from tests.servers.images import NAMESPACE, version_of
from tests.servers.script import run_script

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.registry import Registry

pytestmark = [pytest.mark.engine, pytest.mark.timeout(400)]

NAMES = ("counter-input-provider", "console-output-provider")


@pytest.fixture
def clone(publisher: Author, tmp_path: Path) -> Path:
    """What somebody gets who clones the exported repository."""
    run_script("export-providers", str(tmp_path / "exported"))
    committer = "-c user.name=octo -c user.email=octo@example.org"
    publisher.types(f"cd {tmp_path / 'exported'} && git add --all && git {committer} commit --quiet --message Export")
    publisher.types(f"git clone --quiet {tmp_path / 'exported'} providers")
    return publisher.folder / "providers"


def test_the_exported_repository_leads_nowhere_else_and_what_its_workflow_published_runs(
    publisher: Author, clone: Path, registry_of_the_author: Registry
) -> None:
    files = [path for path in clone.rglob("*") if path.is_file() and ".git" not in path.relative_to(clone).parts]
    assert {"publish-oci.yml", "compose.yaml", "README.md", "dstream.hcl"} <= {path.name for path in files}
    assert not [path for path in files if path.is_symlink() or re.search(r"\.\./|\bimages/", path.read_text())]
    assert (clone / WORKFLOW).read_text().count(f"folder: [{', '.join(NAMES)}]") == 2
    run_script("check-workflows", str(clone / WORKFLOW))

    Author(clone, publisher.environ).types("python -m venv .venv")
    for name in NAMES:
        author = Author(clone / name, publisher.environ)
        author.types("../.venv/bin/pip install --quiet --editable '.[dev]'")
        author.types("../.venv/bin/pytest -k 'not Contract'")  # which another test holds them against
        published = follow(author, "publish", f"v{version_of(name)}")
        assert published.startswith(f"{registry_of_the_author.address}/octo-org/{name}:v{version_of(name)}@sha256:")
    mirrors = json.dumps({NAMESPACE: f"{registry_of_the_author.address}/octo-org"})
    ran = Author(clone, publisher.environ).types("dstream run counter-to-console", DSTREAM_MIRRORS=mirrors)
    assert re.findall(r'"value":(\d+)', ran.stdout) == ["1", "2", "3", "4", "5"]
    assert "5 emitted = 5 relayed = 5 acknowledged" in ran.stderr
