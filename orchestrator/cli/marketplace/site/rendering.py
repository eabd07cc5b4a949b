"""The pages of the site, from what catalogs offer. The same offers make the same pages. Pure.

Catalogs are written by strangers: every text of theirs is escaped by the templates, and a policy in each page lets
nothing be loaded, and no script run but the one that is in it.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

from orchestrator.cli.marketplace.site.hcl_block import hcl_block
from orchestrator.cli.terminal import words
from orchestrator.pipeline.config_keys import Key, config_keys
from orchestrator.registry.catalogs.schemas import pinned

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dstream_sdk.protocol import CatalogEntry
    from orchestrator.config.model import Role
    from orchestrator.registry.catalogs.search import Offer

INDEX = "index.html"
_LONGEST_NAME = 200
_BOTH: tuple[Role, ...] = ("input", "output")
_MEANINGS = {
    "checkpoint": "goes on after a restart where it stopped",
    "ack": "confirms what it has stored, so nothing is lost when it stops",
    "reject": "gives back single records that it cannot take, for the dead letters",
    "signal": "takes requests while it runs, such as to read tables anew",
    "stats": "tells figures of its own while it runs",
    "check": "looks whether the config works, before a run",
    "discover": "lists what there is to read",
    "init": "makes the infrastructure that it needs",
    "plan": "says what `init` would change",
    "status": "says what is there of it",
    "destroy": "removes what `init` made",
}
_TURNS_TEXT = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Bidirectional marks: they would let a stranger's text read as another one than it is."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One provider as its page shows it; `keys` is None where its config is not known, `unknown` says why."""

    offer: Offer
    keys: Sequence[Key] | None
    unknown: str
    blocks: Sequence[tuple[Role, str]]

    @classmethod
    def of(cls, offer: Offer, schema: Mapping[str, Any] | str) -> Shown:
        """`schema` as `config_schemas` has it. Raises `ConfigError` (`reference.invalid`) for a bad tag or digest."""
        pinned(offer)  # what is to be pasted into a shell and a file is a reference, and nothing else
        known = schema if isinstance(schema, Mapping) else None
        blocks = [(role, hcl_block(offer.entry, role, known)) for role in _roles(offer.entry)]
        if known is None:
            return cls(offer, None, str(schema), blocks)
        return cls(offer, config_keys(known), "", blocks)

    @property
    def entry(self) -> CatalogEntry:
        return self.offer.entry

    @property
    def heading(self) -> str:
        return self.entry.provider.title.strip() or self.entry.provider.name.strip() or self.entry.repository

    @property
    def roles(self) -> tuple[Role, ...]:
        return _roles(self.entry)

    @property
    def file(self) -> str:
        """The name of its page: every repository has one of its own, which any file system and host takes."""
        name = self.entry.repository.translate(str.maketrans("/:[]", "~___"))
        if len(name) > _LONGEST_NAME:
            name = f"{name[:100]}~{hashlib.sha256(self.entry.repository.encode()).hexdigest()[:32]}"
        return f"{name}.html"

    @property
    def searched(self) -> str:
        """What a search looks through."""
        said = self.entry.provider
        parts = (said.name, said.title, said.system, *self.roles, *said.capabilities, *said.commands)
        return " ".join(" ".join((*parts, said.description, self.entry.repository, self.entry.kind)).split())


def render(shown: Iterable[Shown], *, home: str | None = None) -> dict[str, str]:
    """Every page by the name of its file. `home` is where the heading of each page leads, besides to the first one."""
    providers = sorted(shown, key=lambda each: (each.heading.casefold(), each.entry.repository))
    systems = sorted(
        {each.entry.provider.system for each in providers} - {""}, key=lambda name: (name.casefold(), name)
    )
    around = {"home": home, "style": _part("style.css"), "meanings": _MEANINGS}
    pages = {INDEX: _page(INDEX, "search.js", providers=providers, systems=systems, **around)}
    for each in providers:
        pages[each.file] = _page("provider.html", "copy.js", shown=each, **around)
    return pages


def _page(template: str, script: str, **known: Any) -> str:
    code = _part(script)
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
        f"style-src {_hash(known['style'])}; script-src {_hash(code)}"
    )
    return _templates().get_template(template).render(script=code, policy=policy, **known)


def _roles(entry: CatalogEntry) -> tuple[Role, ...]:
    role = entry.provider.role
    return _BOTH if role == "both" else (role,)


@functools.cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("orchestrator.cli.marketplace.site", "pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_seen,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["size"] = words.size
    return environment


def _seen(value: Any) -> Any:
    """`value` without characters that are not seen; what is ours stays."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return _TURNS_TEXT.sub(lambda match: f"\\u{ord(match[0]):04x}", words.printable(value))


def _part(name: str) -> Markup:
    return Markup((files("orchestrator.cli.marketplace.site") / "pages" / name).read_text("utf-8"))  # noqa: S704  # our own file


def _hash(content: str) -> str:
    """`content` as a policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
