"""The website of docs/ is whole, and needs nothing that is not in it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.repo.tracked import REPOSITORY

DOCS = REPOSITORY / "docs"
FETCHED = re.compile(r'<(?:script|img|iframe|source)\b[^>]*\bsrc="([^"]+)"|<link\b[^>]*\bhref="([^"]+)"')


def site_of(docs: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """As `scripts/docs --site` makes it."""
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet", "-d", f"{site}.kept"]
    return subprocess.run([*command, docs, site], capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("site")
    done = site_of(DOCS, made)
    assert done.returncode == 0, f"{done.stderr}\n(every page stands in a list of docs/index.md)"
    return made


def test_every_page_is_in_the_site_and_in_its_menu(site: Path) -> None:
    menu = (site / "index.html").read_text()
    for page in DOCS.rglob("*.md"):
        inside = page.relative_to(DOCS).with_suffix(".html").as_posix()
        assert (site / inside).is_file()
        if inside != "index.html" and not inside.startswith("decisions/2"):
            assert f'class="reference internal" href="{inside}"' in menu


def test_a_page_fetches_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        fetched = FETCHED.findall(page.read_text())
        assert fetched
        for address in map("".join, fetched):
            assert not urlsplit(address).netloc, page
            assert (page.parent / unquote(urlsplit(address).path)).exists(), (page, address)
    for sheet in site.rglob("*.css"):
        assert not re.findall(r"url\(\s*['\"]?(?:https?:)?//|@import", sheet.read_text()), sheet


def test_links_to_other_files_of_the_repository_lead_to_the_code_host(site: Path) -> None:
    assert 'href="https://github.com/katasec/dstream/blob/main/README.md"' in (site / "index.html").read_text()


def test_what_leads_nowhere_fails_the_site(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    shutil.copy(DOCS / "conf.py", docs)
    (docs / "index.md").write_text("# Index\n\n## Part\n\n- [Delivery](delivery.md)\n")
    (docs / "delivery.md").write_text("# Delivery\n\n[a page](nowhere.md) [a heading](index.md#nothing)\n")
    (docs / "alone.md").write_text("# A page that no list has\n")
    done = site_of(docs, tmp_path / "site")
    assert done.returncode != 0
    for wrong in ("nowhere.md", "nothing", "alone.md"):
        assert wrong in done.stderr
