"""The last good copy of a catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dstream_sdk.protocol import Catalog
from orchestrator.registry.catalogs.copies import CatalogCopies, Copy

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = "registry.test/team/dstream-catalog"
COPY = Copy(SOURCE, Catalog(1, "Team"), "sha256:1", 1_700_000_000.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "catalogs"


def test_a_copy_comes_back_with_when_it_was_confirmed(folder: Path) -> None:
    copies = CatalogCopies(folder)
    assert copies.read(SOURCE) is None
    copies.write(COPY)
    assert copies.read(SOURCE) == COPY
    assert copies.read(f"{SOURCE}:latest") is None


def test_a_confirmed_copy_is_younger_and_else_the_same(folder: Path) -> None:
    copies = CatalogCopies(folder)
    copies.write(COPY)
    later = Copy(SOURCE, COPY.catalog, COPY.digest, COPY.confirmed + 60)
    copies.confirm(later)
    assert copies.read(SOURCE) == later


@pytest.mark.parametrize("content", [b"", b"{", b'{"source": 1}', b"\xff"])
def test_a_broken_copy_counts_as_none_and_is_replaced(folder: Path, content: bytes) -> None:
    copies = CatalogCopies(folder)
    copies.write(COPY)
    [file] = folder.iterdir()
    file.write_bytes(content)
    assert copies.read(SOURCE) is None
    copies.write(COPY)
    assert copies.read(SOURCE) == COPY


def test_a_folder_that_cannot_be_written_costs_the_copy_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.write_text("a file")
    CatalogCopies(folder).write(COPY)
    assert "cannot be kept" in capsys.readouterr().err
    assert CatalogCopies(folder).read(SOURCE) is None


def test_nothing_but_copies_is_left_in_the_folder(folder: Path) -> None:
    copies = CatalogCopies(folder)
    for number in range(3):
        copies.write(Copy(SOURCE, Catalog(1, str(number))))
    assert [file.suffix for file in folder.iterdir()] == [".json"]
