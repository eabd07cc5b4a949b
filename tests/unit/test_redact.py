"""Secrets do not survive the redactor, however they are spelled."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.redact import MASK, SHORTEST, Redactor

SECRET = 'p&ss "wörd"/+\\é\t<x>'

SPELLINGS = {
    "raw": SECRET,
    "JSON": json.dumps(SECRET)[1:-1],
    "JSON with Unicode": json.dumps(SECRET, ensure_ascii=False)[1:-1],
    "JSON for HTML": "p\\u0026ss \\u0022w\\u00f6rd\\u0022/\\u002B\\\\\\u00e9\\t\\u003Cx\\u003E",
    "Python": repr(SECRET)[1:-1],
    "URL": quote(SECRET),
    "URL component": quote(SECRET, safe=""),
    "form": quote_plus(SECRET),
    "URL in small letters": quote(SECRET, safe="").lower().replace("p%26", "p%26"),
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_is_masked(spelling: str) -> None:
    masked = Redactor([SECRET]).text(f"before {spelling} after")
    assert masked.startswith(f"before {MASK}")
    assert masked.endswith(" after")
    assert len(masked) <= len(f"before {MASK}xx== after")  # the last bits of base64 may stay


@pytest.mark.parametrize("user", ["a", "ab", "abc"])
def test_secret_inside_longer_base64_is_masked(user: str) -> None:
    secret = "correct horse battery"
    header = base64.b64encode(f"{user}:{secret}!".encode()).decode()
    masked = Redactor([secret]).text(header)
    assert MASK in masked
    left = masked.replace(MASK, "")
    assert len(left) < 16


def test_overlapping_secrets_leave_nothing_of_either() -> None:
    assert Redactor(["abcdef", "defghi"]).text("x abcdefghi y") == f"x {MASK} y"
    assert Redactor(["abcd", "abcdefgh"]).text("abcdefgh abcd") == f"{MASK} {MASK}"


def test_secret_of_several_lines_is_masked_line_by_line() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nshort\n-----END KEY-----\n"
    redactor = Redactor([key])
    assert redactor.text("read MIIEvQIBADANBg") == f"read {MASK}"
    assert redactor.text(key) == f"{MASK}\n"
    assert redactor.text("shortly") == "shortly"


def test_very_short_secrets_do_not_hide_the_log() -> None:
    assert Redactor(["", "1", "abc", "  \n"]).text("1 abc of 1") == "1 abc of 1"


def test_secrets_are_added_to_those_known() -> None:
    redactor = Redactor(["first-secret"])
    redactor.add(["second-secret"])
    assert redactor.text("first-secret second-secret") == f"{MASK} {MASK}"


@given(st.lists(st.text(min_size=SHORTEST), min_size=1, max_size=4), st.data())
def test_no_secret_survives_anywhere(secrets: list[str], data: st.DataObject) -> None:
    pieces = data.draw(st.lists(st.one_of(st.sampled_from(secrets), st.text(max_size=6)), max_size=8))
    masked = Redactor(secrets).text("".join(pieces))
    for secret in secrets:
        if len(secret.strip()) >= SHORTEST and secret.strip() not in MASK:
            assert secret.strip() not in masked.split(MASK)


@given(st.text())
def test_text_without_secrets_is_left_alone(text: str) -> None:
    assert Redactor().text(text) == text
