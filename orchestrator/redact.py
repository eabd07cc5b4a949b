"""Secrets out of text, for logs, errors and everything else that people see."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus, unquote

MASK = "[secret]"

SHORTEST = 4
"""Shorter secrets are let through: masking every `1` or `no` would hide the log and protect nothing."""

_SHORTEST_LINE = 8  # of a secret of several lines, such as a key file, that logs show line by line


_PASSWORD = re.compile(
    r"(?:^|;)\s*(?:password|pwd|[\w ]*(?:key|signature|secret|token))\s*=\s*(?:\"([^\"]*)\"|([^;]*))", re.IGNORECASE
)
_IN_URL = re.compile(r"\w://[^/?#\s:@]*:([^/?#\s@]+)@")


class Redactor:
    """Replaces every secret it was told of, also where it is escaped or encoded.

    Safe to use from several threads; `add` takes effect for calls that begin after it.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: tuple[str, ...] = ()
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Mask these texts too, from now on and for good."""
        forms = set(self._forms)
        for secret in secrets:
            for piece in _pieces(secret):
                forms.update(_spellings(piece))
        self._forms = tuple(sorted(forms, key=len, reverse=True))

    def text(self, text: str) -> str:
        """`text` with its secrets masked. Where two overlap, both are gone entirely."""
        spans = [span for form in self._forms if form in text for span in _occurrences(form, text)]
        if not spans:
            return text
        pieces: list[str] = []
        end = 0
        for start, stop in sorted(spans):
            if start >= end:
                pieces += (text[end:start], MASK)
            end = max(end, stop)
        pieces.append(text[end:])
        return "".join(pieces)


def masked(value: Any, redact: Callable[[str], str]) -> Any:
    """A value of JSON's types with every text in it redacted, keys included."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact(key): masked(item, redact) for key, item in value.items()}
    return [masked(item, redact) for item in value] if isinstance(value, list) else value


def _occurrences(form: str, text: str) -> Iterator[tuple[int, int]]:
    at = text.find(form)
    while at >= 0:
        yield at, at + len(form)
        at = text.find(form, at + 1)


def _pieces(secret: str) -> Iterator[str]:
    whole = secret.strip()
    if len(whole) >= SHORTEST:
        yield whole
    yield from (found for found in _passwords(whole) if len(found) >= SHORTEST)
    if "\n" in whole:
        yield from (line.strip() for line in whole.split("\n") if len(line.strip()) >= _SHORTEST_LINE)


def _passwords(secret: str) -> Iterator[str]:
    """What a connection string keeps secret: programs log its parts one by one."""
    for found in _PASSWORD.finditer(secret):
        yield (found[1] or found[2]).strip().strip("'\"{}")
    for found in _IN_URL.finditer(secret):
        yield found[1]
        yield unquote(found[1])


def _spellings(secret: str) -> Iterator[str]:
    yield secret
    for ascii_only in (True, False):
        once = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield once
        yield json.dumps(once)[1:-1]  # a JSON text within another
    yield _escaped_for_html(secret)
    yield repr(secret)[1:-1]
    data = secret.encode("utf-8", "surrogateescape")
    for quoted in (quote(data), quote(data, safe=""), quote_plus(data)):
        yield quoted
        yield _lower_escapes(quoted)
    for shift in range(3):  # what base64 makes of a secret depends on how many bytes stand before it
        yield from _base64_forms(data, shift)


def _base64_forms(data: bytes, shift: int) -> Iterator[str]:
    """The characters of `data` in base64 that its neighbours cannot change, in both alphabets."""
    first = -(-shift * 8 // 6)
    last = (shift + len(data)) * 8 // 6
    if last - first < SHORTEST:
        return
    padded = bytes(shift) + data
    yield base64.b64encode(padded)[first:last].decode("ascii")
    yield base64.urlsafe_b64encode(padded)[first:last].decode("ascii")


def _escaped_for_html(secret: str) -> str:
    r"""JSON as encoders that fear HTML write it: `\u0026` for `&`."""
    text = json.dumps(secret)[1:-1].replace('\\"', "\\u0022")
    return "".join(f"\\u{ord(char):04X}" if char in "&'+<>`" else char for char in text)


def _lower_escapes(quoted: str) -> str:
    first, *rest = quoted.split("%")
    return "%".join([first, *(part[:2].lower() + part[2:] for part in rest)])
