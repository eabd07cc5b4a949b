"""The contract, the provider's own promises, and that what is written about it is current."""

from __future__ import annotations

import sqlite3
import sys
import tomllib
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import pytest
from dstream_sdk import Envelope, ProviderError
from dstream_sdk.description import describe, label
from dstream_sdk.spec import with_table
from dstream_sdk.testing import ProviderContract

from my_provider import __version__
from my_provider.config import OutputConfig
from my_provider.provider import MyProvider

FOLDER = Path(__file__).parents[1]


def count(path: Path) -> int:
    """How many records are in the database, to somebody who looks at it from outside."""
    with closing(sqlite3.connect(path)) as database:
        return int(database.execute("SELECT count(*) FROM records").fetchone()[0])


class TestContract(ProviderContract):
    command: ClassVar = [sys.executable, "-m", "my_provider"]
    role = "output"
    folder: ClassVar[TemporaryDirectory[str]]
    path: ClassVar[Path]

    @classmethod
    def setup_class(cls) -> None:
        cls.folder = TemporaryDirectory()
        cls.path = Path(cls.folder.name) / "records.db"
        cls.config = {"path": str(cls.path)}

    @classmethod
    def teardown_class(cls) -> None:
        cls.folder.cleanup()

    def durable(self) -> int:
        return count(self.path) if self.path.exists() else 0


def test_a_record_without_columns_is_rejected_and_the_others_are_written(tmp_path: Path) -> None:
    provider = MyProvider(OutputConfig(path=tmp_path / "records.db"))
    provider.open()
    rejections = provider.write([Envelope({"id": 1}), Envelope("no columns"), Envelope({"id": 2})])
    provider.flush()
    provider.close()
    assert [rejection.index for rejection in rejections] == [1]
    assert count(tmp_path / "records.db") == 2


def test_a_database_that_cannot_be_opened_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    provider = MyProvider(OutputConfig(path=tmp_path / "missing" / "records.db"))
    with pytest.raises(ProviderError, match="cannot write to"):
        provider.open()
    assert [finding.ok for finding in provider.check()] == [False]


def test_what_is_written_about_it_is_current() -> None:
    """`python -m dstream_sdk.spec` writes both: see the README."""
    description = describe(MyProvider)
    readme = (FOLDER / "README.md").read_text("utf-8")
    assert with_table(readme, description) == readme
    assert (FOLDER / "provider.json").read_bytes() == label(description) + b"\n"
    assert tomllib.loads((FOLDER / "pyproject.toml").read_text("utf-8"))["project"]["version"] == __version__
    assert f"## {__version__}" in (FOLDER / "CHANGELOG.md").read_text("utf-8")
    assert f'"my-provider:v{__version__}"' in (FOLDER / "dstream.hcl").read_text("utf-8")
