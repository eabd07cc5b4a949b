"""What registries send as JSON, bounded: lists over any number of pages, and documents."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from orchestrator.registry.wire.answers import odd_answer

if TYPE_CHECKING:
    from requests import Response

    from orchestrator.registry.wire.answers import Asked
    from orchestrator.registry.wire.transport import Transport

_PAGE = 1000
_MOST_PAGES = 500
_PAGE_LIMIT = 16 << 20
_LIST_LIMIT = 64 << 20


def listed(
    transport: Transport, asked: Asked, address: str, name: str, unlisted: tuple[int, ...] = ()
) -> list[Any] | None:
    """The lists called `name` of every page from `address` on; None where the registry refuses with `unlisted`.

    Raises what `Transport` does, and `UnavailableError` (`registry.invalid`) for what is no list, or has no end.
    """

    def read(answer: Response) -> tuple[list[Any], int, str] | None:
        if answer.status_code in unlisted:
            return None
        raw = body_of(answer, _PAGE_LIMIT, asked)
        try:
            entries = list(json.loads(raw)[name] or ())
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise odd_answer(asked, f"no list of {name}") from error
        link = answer.links.get("next", {}).get("url")
        return entries, len(raw), transport.follow(asked, answer, link) if link else ""

    found: list[Any] = []
    left = _LIST_LIMIT
    address += f"?n={_PAGE}"
    for _ in range(_MOST_PAGES):
        page = transport.ask(asked, "GET", address, read, expected=unlisted)
        if page is None:
            return None
        entries, size, address = page
        found += entries
        left -= size
        if not address:
            return found
        if left < 0:
            break
    raise odd_answer(asked, f"a list of {name} without an end")


def body_of(answer: Response, limit: int, asked: Asked) -> bytes:
    """All of `answer`. Raises `UnavailableError` (`registry.invalid`) for more than `limit` bytes."""
    raw = bytearray()
    for chunk in answer.iter_content(64 << 10):
        raw += chunk
        if len(raw) > limit:
            raise odd_answer(asked, f"more than {limit:,} bytes")
    return bytes(raw)
