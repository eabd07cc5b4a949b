"""How `scripts/docs --site` makes a site of these pages, which stay Markdown that a code host shows as it is."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from pygments.lexers.configs import TerraformLexer

if TYPE_CHECKING:
    from sphinx.application import Sphinx

REPOSITORY = "https://github.com/katasec/dstream"

project = "dstream"
html_title = project
html_theme = "furo"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
html_use_index = False
extensions = ["myst_parser"]
myst_heading_anchors = 4
suppress_warnings = ["misc.highlighting_failure"]  # old spellings of dstream.hcl, JSON with `…` in it

# A list of links under a heading of one of these pages is a part of the menu, so that the order is said once.
MENUS = ("index", "decisions/README")


def setup(app: Sphinx) -> None:
    app.add_lexer("hcl", TerraformLexer)
    app.connect("source-read", _read)


def _read(_app: Sphinx, page: str, source: list[str]) -> None:
    source[0] = _lead_out(page, source[0])
    if page in MENUS:
        source[0] += "".join(_menus(page, source[0]))


def _lead_out(page: str, text: str) -> str:
    """Links to files of the repository that are no pages lead to the code host."""

    def lead(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), link[1]))
        return link[0] if path.startswith("docs/") else f"]({REPOSITORY}/blob/main/{path}"

    return re.sub(r"\]\((\.\./[^)#\s]*)", lead, text)


def _menus(page: str, text: str) -> list[str]:
    """A table of contents for each heading that has a list of links below it."""
    menus = []
    for part in re.split(r"^#+ ", text, flags=re.MULTILINE)[1:]:
        entries = re.findall(r"^- \[[^]]*\]\(([^):]+\.md)\)", part, re.MULTILINE)
        if entries:
            options = ":hidden:" if page != "index" else f":hidden:\n:caption: {part.splitlines()[0]}"
            menus.append("\n\n```{toctree}\n" + options + "\n\n" + "\n".join(entries) + "\n```")
    return menus
