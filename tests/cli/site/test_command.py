"""`dstream providers catalog site` without a registry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from dstream_sdk.protocol import Catalog
from orchestrator.errors import EXIT_CONFIG, EXIT_DONE
from orchestrator.registry.catalogs.catalog import encode
from tests.cli.site.offered import entry

if TYPE_CHECKING:
    from tests.cli.conftest import Project

KNOWN = entry("registry.test/team/known", title="Known", config_schema={"properties": {"every": {"default": 5}}})
UNKNOWN = entry("registry.test/team/unknown", title="Unknown")


def test_a_catalogs_file_becomes_a_site_and_says_what_is_missing(project: Project) -> None:
    (project.folder / "catalog.json").write_bytes(encode(Catalog(1, "team", [KNOWN, UNKNOWN])))
    done = project.run("providers", "catalog", "site", "--catalog", "catalog.json", "--offline", "--out", "out/site")
    assert done.code == EXIT_DONE, done.stderr
    assert done.stdout == "2 providers in out/site/index.html\n"
    [warning] = done.stderr.splitlines()
    assert "the config of registry.test/team/unknown:v1.2.3 is not shown" in warning
    written = {path.name: path.read_bytes() for path in (project.folder / "out" / "site").iterdir()}
    assert b"every" in written["registry.test~team~known.html"]

    done = project.run(
        "--json", "providers", "catalog", "site", "--catalog", "./catalog.json", "--offline", "--out", "out/site"
    )
    [event] = done.events
    assert (event["event"], event["providers"]) == ("site", 2)
    assert {path.name: path.read_bytes() for path in (project.folder / "out" / "site").iterdir()} == written


def test_the_first_of_two_catalogs_speaks_for_a_repository(project: Project) -> None:
    other = msgspec.convert(msgspec.to_builtins(KNOWN), type(KNOWN))
    other.provider.title = "Other"
    (project.folder / "one.json").write_bytes(encode(Catalog(1, "one", [KNOWN])))
    (project.folder / "two.json").write_bytes(encode(Catalog(1, "two", [other])))
    catalogs = ("--catalog", "two.json", "--catalog", "one.json")
    done = project.run("--json", "providers", "catalog", "site", "--out", "site", *catalogs)
    assert done.code == EXIT_DONE, done.stderr
    assert [each["catalog"] for each in done.events[0]["catalogs"]] == ["two", "one"]
    page = (project.folder / "site" / "registry.test~team~known.html").read_text()
    assert "<h1>Other</h1>" in page


def test_a_catalog_with_a_bad_reference_writes_nothing(project: Project) -> None:
    (project.folder / "catalog.json").write_bytes(encode(Catalog(1, "t", [entry(tag="v1; reboot", config_schema={})])))
    done = project.run("--json", "providers", "catalog", "site", "--catalog", "catalog.json", "--out", "site")
    assert done.code == EXIT_CONFIG
    assert json.loads(done.stdout or done.stderr)["code"] == "reference.invalid"
    assert not (project.folder / "site").exists()
