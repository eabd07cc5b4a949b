"""Providers that catalogs offer: several catalogs as one, and the best matches of a query. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.config.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dstream_sdk.protocol import Catalog, CatalogEntry

# What a match counts, by where it is found: ten times more in a name than in the small print.
_NAME, _TITLE, _SYSTEM, _DIRECTION, _ABILITY, _REST = 10, 7, 6, 4, 3, 1
_EQUAL, _BEGINS_A_WORD, _INSIDE = 3, 2, 1
_BETWEEN_WORDS = str.maketrans("", "", " -_./")


@dataclass(frozen=True, slots=True)
class Offer:
    """One provider, and the catalog that offers it."""

    entry: CatalogEntry
    catalog: str

    @property
    def reference(self) -> str:
        """What to write in dstream.hcl."""
        return f"{self.entry.repository}:{self.entry.tag}"


def merge(catalogs: Iterable[tuple[str, Catalog]]) -> list[Offer]:
    """What all of them offer. Of a repository that several have, the first one's word is taken."""
    offers: dict[str, Offer] = {}
    for source, catalog in catalogs:
        for entry in catalog.providers:
            offers.setdefault(entry.repository, Offer(entry, source))
    return list(offers.values())


def search(offers: Iterable[Offer], query: str) -> list[Offer]:
    """The offers in which every word of `query` is found, best first; equals in the order of their names."""
    words = query.lower().split()
    found = [(score, offer) for offer in offers if (score := _score(offer.entry, words)) is not None]
    found.sort(key=lambda pair: (-pair[0], pair[1].entry.provider.name, pair[1].entry.repository))
    return [offer for _, offer in found]


def meant(offers: Sequence[Offer], query: str) -> str | None:
    """The name or system that is nearest to a `query` that found nothing."""
    known = {part for offer in offers for part in _names(offer.entry)}
    return nearest(query, known)


def _names(entry: CatalogEntry) -> Iterator[str]:
    yield entry.provider.name
    yield from entry.provider.name.split("-")
    if entry.provider.system:
        yield entry.provider.system


def _score(entry: CatalogEntry, words: list[str]) -> int | None:
    """Each word counts where it is found best; None where one is found nowhere."""
    fields = [(weight, text.lower()) for weight, text in _fields(entry)]
    total = 0
    for word in words:
        best = max(weight * _grade(word, text) for weight, text in fields)
        if not best:
            return None
        total += best
    return total


def _fields(entry: CatalogEntry) -> Iterator[tuple[int, str]]:
    provider = entry.provider
    yield _NAME, provider.name
    yield _TITLE, provider.title
    yield _SYSTEM, provider.system
    yield _DIRECTION, "input output" if provider.role == "both" else provider.role
    yield _ABILITY, " ".join([*provider.capabilities, *provider.commands])
    yield _REST, f"{provider.description} {entry.repository} {entry.kind}"


def _grade(word: str, text: str) -> int:
    """How well `word` fits `text`; `sqlserver` is also found in `sql server`."""
    if word == text:
        return _EQUAL
    at = text.find(word)
    if at < 0:
        run_together = word.translate(_BETWEEN_WORDS)
        return _INSIDE if run_together and run_together in text.translate(_BETWEEN_WORDS) else 0
    while at > 0 and text[at - 1].isalnum():
        at = text.find(word, at + 1)
    return _BEGINS_A_WORD if at >= 0 else _INSIDE
