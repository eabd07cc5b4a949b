"""What is written about a provider, held against the provider."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from dstream_sdk.description import describe, label
from dstream_sdk.spec import with_table

if TYPE_CHECKING:
    from pathlib import Path

    from dstream_sdk.provider import Provider


def assert_current(provider: type[Provider[Any]], folder: Path) -> None:
    """README, `provider.json`, project and changelog in the `folder` of its image are the provider's as it is now."""
    description = describe(provider)
    readme = (folder / "README.md").read_text("utf-8")
    assert with_table(readme, description) == readme
    assert (folder / "provider.json").read_bytes() == label(description) + b"\n"
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    package = folder / project["tool"]["hatch"]["version"]["path"]
    assert f'__version__ = "{provider.version}"\n' in package.read_text("utf-8")
    assert f"## {provider.version}" in (folder / "CHANGELOG.md").read_text("utf-8")
