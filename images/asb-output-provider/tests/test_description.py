"""What is written about the provider is current."""

from __future__ import annotations

import tomllib
from pathlib import Path

from asb_output_provider import __version__
from asb_output_provider.provider import AsbOutput
from dstream_sdk.description import describe, label
from dstream_sdk.spec import with_table

FOLDER = Path(__file__).parents[1]


def test_what_is_written_about_it_is_current() -> None:
    description = describe(AsbOutput)
    readme = (FOLDER / "README.md").read_text("utf-8")
    assert with_table(readme, description) == readme
    assert (FOLDER / "provider.json").read_bytes() == label(description) + b"\n"
    project = tomllib.loads((FOLDER / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == __version__
    assert f"## {__version__}" in (FOLDER / "CHANGELOG.md").read_text("utf-8")


def test_it_announces_its_verbs() -> None:
    assert set(describe(AsbOutput).commands) == {"describe", "run", "check", "init", "plan", "status", "destroy"}
