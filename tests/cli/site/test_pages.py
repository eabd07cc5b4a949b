"""The pages: what is on them, and what a stranger's catalog cannot put there."""

from __future__ import annotations

import base64
import hashlib
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.cli.marketplace.site.rendering import INDEX, render
from orchestrator.errors import ConfigError
from tests.cli.site.offered import DIGEST, entry, shown

HOSTILE = [
    "<script>alert(1)</script>", "</script><script>alert(1)</script>", "</style><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)', "' autofocus onfocus='alert(1)", "javascript:alert(1)", "{{ 7 * 7 }}{% raw %}",
    "<!--", "-->", "<a href=//evil.test>", "`<b>`", "a`b", "&lt;script&gt;", "\x00\x1b[2J", "\u202egnp.exe",
]  # fmt: skip
texts = st.sampled_from(HOSTILE) | st.text(st.characters(codec="utf-8"), max_size=30)
fields = st.fixed_dictionaries({"type": texts, "description": texts, "default": texts, "examples": st.lists(texts)})
schemas = st.fixed_dictionaries(
    {"properties": st.dictionaries(texts, fields, max_size=3), "required": st.lists(texts, max_size=2)}
)
descriptions = st.fixed_dictionaries(
    {
        "name": texts,
        "role": st.sampled_from(["input", "output", "both"]),
        "version": texts,
        "title": texts,
        "description": texts,
        "system": texts,
        "capabilities": st.lists(texts, max_size=2),
        "commands": st.lists(texts, max_size=2),
        "network": st.lists(texts, max_size=2),
        "writable": st.lists(texts, max_size=2),
    }
)
ELEMENTS = {
    "html", "head", "meta", "title", "link", "style", "body", "a", "header", "nav", "span", "main", "h1", "h2", "p",
    "form", "div", "label", "input", "fieldset", "legend", "select", "option", "button", "ul", "li", "code", "pre",
    "section", "table", "thead", "tbody", "tr", "th", "td", "aside", "dl", "dt", "dd", "wbr", "strong", "footer",
    "script",
}  # fmt: skip


class Page(HTMLParser):
    """A page as a browser reads it."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.within: dict[str, list[str]] = {"script": [], "style": []}
        self.text = ""
        self._in = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self._in = tag
        if tag in self.within:
            self.within[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in in self.within:
            self.within[self._in][-1] += data
        else:
            self.text += data

    def values(self, name: str) -> set[str]:
        return {value for _, attribute, value in self.attributes if attribute == name}


OWN = {name: Page(text).within for name, text in render([shown(entry())]).items()}
[ICON] = [value for tag, name, value in Page(render([])[INDEX]).attributes if (tag, name) == ("link", "href")]
OWN_PROVIDER, OWN_INDEX = OWN["registry.test~team~p.html"], OWN[INDEX]


@given(descriptions, schemas | texts)
def test_no_text_of_a_catalog_becomes_markup(said: dict[str, Any], schema: Any) -> None:
    pages = render([shown(entry(**said), schema)])
    for name, text in pages.items():
        page = Page(text)
        assert page.elements <= ELEMENTS
        assert page.within == (OWN_INDEX if name == INDEX else OWN_PROVIDER)
        assert not [attribute for _, attribute, _ in page.attributes if attribute.startswith("on")]
        assert page.values("href") - set(pages) == {"#content", ICON}
        assert page.values("src") == page.values("action") == page.values("style") == set()
        assert not any(mark in text for mark in ("\x00", "\x1b", "\u202e"))


@pytest.mark.parametrize("hostile", HOSTILE[:6])
def test_what_looks_like_markup_is_read_as_it_was_written(hostile: str) -> None:
    for text in render([shown(entry(title=hostile, description=f"About {hostile}"))]).values():
        assert {hostile, f"About {hostile}"} <= set(Page(text).text.splitlines())


def test_each_page_says_that_nothing_but_its_own_script_and_style_may_be_used() -> None:
    for text in render([shown(entry())]).values():
        page = Page(text)
        [policy] = [value for _, name, value in page.attributes if name == "content" and "default-src" in value]
        assert "default-src 'none'" in policy
        for kind in ("script", "style"):
            [content] = page.within[kind]
            digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
            assert f"{kind}-src 'sha256-{digest}'" in policy


def test_the_same_offers_make_the_same_pages_in_whatever_order_they_come() -> None:
    offers = [shown(entry(f"registry.test/{name}", title="Same")) for name in ("b", "a", "c")]
    assert render(offers) == render(reversed(offers))


def test_a_provider_page_has_all_that_is_known() -> None:
    schema = {
        "properties": {
            "login": {"description": "As `user`.", "type": "string", "writeOnly": True, "x-aliases": ["Login"]},
            "every": {"type": "integer", "default": 5, "examples": [10]},
        },
        "required": ["login"],
    }
    offered = entry(
        title="Change data capture", system="SQL Server", capabilities=["checkpoint", "novel"],
        commands=["run", "check"], network=["*:1433"], writable=["/data"],
    )  # fmt: skip
    said = Page(render([shown(offered, schema)])["registry.test~team~p.html"]).text
    for part in (
        "Change data capture", "SQL Server", "v1.2.3", DIGEST, "linux/amd64", "75.2 MB", "registry.test/team/p:v1.2.3",
        "dstream providers inspect registry.test/team/p:v1.2.3", "login", "or Login", "string, secret", "required", "5",
        "Example: 10", "As user.", "goes on after a restart", "novel", "looks whether", "*:1433", "/data",
        'login = env("LOGIN")',
    ):  # fmt: skip
        assert part in said


def test_a_config_that_is_not_known_says_why() -> None:
    assert "Not known here: it announces none." in Page(render([shown(entry())])["registry.test~team~p.html"]).text
    assert "It takes none." in Page(render([shown(entry(), {})])["registry.test~team~p.html"]).text


def test_the_first_page_lists_every_provider_and_every_system_once() -> None:
    offers = [
        shown(entry("registry.test/a", title="A", system="Kafka")),
        shown(entry("registry.test/b", role="both", system="Kafka")),
        shown(entry("registry.test/c", role="output")),
    ]
    pages = render(offers, home="../")
    page = Page(pages[INDEX])
    assert page.values("href") > {"../", "registry.test~a.html", "registry.test~b.html", "registry.test~c.html"}
    assert pages[INDEX].count(">Kafka</option>") == 1
    assert page.values("data-roles") == {"input", "input output", "output"}
    assert "3 providers" in page.text


def test_every_repository_has_a_page_that_any_file_system_takes() -> None:
    repositories = ["localhost:5000/a/b", "localhost/5000/a/b", "[::1]:5000/a", "r.test/a/index.html", "r.test/a"]
    repositories += ["r.test/" + "a/" * 120 + "a", "r.test/" + "a/" * 120 + "b"]
    pages = render([shown(entry(repository)) for repository in repositories])
    assert len(pages) == len(repositories) + 1
    assert all(len(name) < 250 and not set(name) & set("/:\\?#%[]") for name in pages)


@pytest.mark.parametrize("tag", ["", "v1; rm -rf ~", 'v1"', "v1\nx", "v1@sha256:0"])
def test_what_could_be_pasted_into_a_shell_is_a_reference_or_refused(tag: str) -> None:
    with pytest.raises(ConfigError) as refused:
        shown(entry(tag=tag))
    assert refused.value.code == "reference.invalid"
    assert refused.value.where.image == "registry.test/team/dstream-catalog"


def test_an_empty_catalog_makes_a_site_that_says_so() -> None:
    assert "No catalog offers a provider yet." in Page(render([])[INDEX]).text
