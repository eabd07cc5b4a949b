"""The site's folder: whole, and never another's."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.cli.marketplace.site.folder import MARKER, write_site
from orchestrator.errors import ConfigError, UnavailableError

PAGES = {"index.html": "<p>one</p>\n", "a.html": "<p>ä</p>\r\n"}


def content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_bytes().decode() for path in folder.iterdir() if path.name != MARKER}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "public" / "providers"


def test_a_new_folder_holds_the_pages_and_others_may_read_it(out: Path) -> None:
    write_site(out, PAGES)
    assert content(out) == PAGES
    assert out.stat().st_mode == out.parent.stat().st_mode
    assert [path.name for path in out.parent.iterdir()] == ["providers"]


def test_an_older_site_is_replaced_and_what_is_gone_from_it_too(out: Path) -> None:
    write_site(out, PAGES)
    write_site(out, {"index.html": "new"})
    assert content(out) == {"index.html": "new"}
    assert [path.name for path in out.parent.iterdir()] == ["providers"]


def test_an_empty_folder_is_taken(out: Path) -> None:
    out.mkdir(parents=True)
    write_site(out, PAGES)
    assert content(out) == PAGES


@pytest.mark.parametrize("place", ["folder", "beside our pages", "file", "link"])
def test_what_holds_something_else_is_refused_and_stays(out: Path, place: str) -> None:
    theirs = out / "CNAME"
    if place == "folder":
        out.mkdir(parents=True)
    elif place == "beside our pages":
        write_site(out, PAGES)
    elif place == "file":
        theirs = out
        out.parent.mkdir()
    else:
        elsewhere = out.parents[1] / "elsewhere"
        write_site(elsewhere, PAGES)
        out.parent.mkdir()
        out.symlink_to(elsewhere)
    theirs.write_text("theirs")
    with pytest.raises(ConfigError) as refused:
        write_site(out, PAGES)
    assert refused.value.code == "site.foreign"
    assert theirs.read_text() == "theirs"


def test_a_page_that_cannot_be_written_leaves_the_older_site(out: Path) -> None:
    write_site(out, PAGES)
    with pytest.raises(UnavailableError) as refused:
        write_site(out, {"index.html": "new", "no/such/folder.html": "x"})
    assert refused.value.code == "site.unwritable"
    assert content(out) == PAGES
    assert [path.name for path in out.parent.iterdir()] == ["providers"]
