"""A provider's lines become records: nothing of them is lost, and nothing secret is left."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.redact import MASK, Redactor
from orchestrator.tasklog.lines import LINE_LIMIT, Speaker, records
from orchestrator.tasklog.record import Record

SPEAKER = Speaker("orders", "01", "input")
TIME = "2026-01-31T10:15:00.000000Z"
SECRET = 'p&ss "wörd"\\/+é'


def heard(*lines: str, speaker: Speaker = SPEAKER, secrets: tuple[str, ...] = ()) -> list[Record]:
    content = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
    return list(records(content, speaker, TIME, Redactor(secrets).text))


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))))
def test_every_line_of_text_is_a_record_as_it_was_written(lines: list[str]) -> None:
    found = heard(*lines, speaker=Speaker("orders", "01", "output", "stdout"))
    assert [record.event for record in found] == [line for line in lines if line]


@given(st.binary())
def test_whatever_a_provider_writes_makes_records(content: bytes) -> None:
    for record in records(content + b"\n", SPEAKER, TIME, str):
        assert (record.task, record.provider, record.time) == ("orders", "input", TIME)
        json.dumps(record.fields)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@given(
    st.dictionaries(st.text().filter(lambda name: name not in ("event", "message", "msg")), VALUES), st.text(min_size=1)
)
def test_a_json_object_keeps_its_level_its_message_and_all_else(fields: dict[str, Any], message: str) -> None:
    level = {"level": "WARN", "severity": "x", "levelname": "y", "lvl": 1}
    [record] = heard(json.dumps({**fields, **level, "msg": message}))
    assert (record.level, record.event) == ("warn", message)
    assert record.fields == {**fields, **{name: value for name, value in level.items() if name != "level"}}


@pytest.mark.parametrize(
    ("line", "level", "rank"),
    [
        ("2026-01-31 10:15:00,123 WARNING mssql-cdc: slow", "warning", 30),
        ("ERROR: no", "error", 40),
        ("[DEBUG] x", "debug", 10),
        ("Errors were none", "info", 20),
        ("AN ERROR", "info", 20),
        ('{"level":50,"msg":"x"}', "50", 40),
        ('{"severity":"NOTICE","message":"x"}', "notice", 20),
        ('{"event":"x"}', "info", 20),
        ('{"broken"', "info", 20),
    ],
)
def test_the_level_is_the_providers_own_in_lower_case(line: str, level: str, rank: int) -> None:
    [record] = heard(line)
    assert (record.level, record.rank) == (level, rank)


SPELLED = "".join(f"\\u{ord(char):04x}" for char in SECRET)


@pytest.mark.parametrize(
    "line",
    [
        f"login with {SECRET}",
        json.dumps({"msg": f"login with {SECRET}"}),
        json.dumps({"msg": "login", "how": [{"password": SECRET, SECRET: 1}]}),
        '{"msg":"' + SPELLED + '","deep":{"x":["' + SPELLED + '"]}}',
        json.dumps({"msg": json.dumps({"inner": json.dumps({"password": SECRET})})}),
        "x" * (LINE_LIMIT - 3) + SECRET,
    ],
)
def test_no_secret_is_left_however_json_spells_it(line: str) -> None:
    [record] = heard(line, secrets=(SECRET,))
    told = json.dumps([record.event, record.fields], ensure_ascii=False)
    assert not [part for part in ("p&ss", "wörd", "w\\u00f6rd") if part in told]


@pytest.mark.parametrize(
    "secret",
    [
        "Server=tcp:sql.test;User Id=cdc;Password=Tr0ub4dor;Encrypt=yes",
        "Endpoint=sb://x.test/;SharedAccessKeyName=root;SharedAccessKey=Tr0ub4dor",
        "postgres://ann:Tr0ub4dor@db.test:5432/orders",
    ],
)
def test_what_a_connection_string_keeps_secret_is_secret_by_itself(secret: str) -> None:
    [record] = heard(json.dumps({"msg": "login failed", "user": "cdc", "password": "Tr0ub4dor"}), secrets=(secret,))
    assert record.fields == {"user": "cdc", "password": MASK}


def test_a_line_without_end_is_cut_and_says_so() -> None:
    [record] = heard("x" * (LINE_LIMIT + 1000))
    assert record.event == "x" * LINE_LIMIT + "… (1,000 more characters)"
