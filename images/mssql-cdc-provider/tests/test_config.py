"""What the provider can be told, by every spelling that works elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dstream_sdk import ProviderError
from dstream_sdk.config import parse_config
from dstream_sdk.durations import seconds
from mssql_cdc_provider.config import MssqlCdcConfig

CONNECTION = "Server=sql.example.com;Database=shop;User Id=app;Password=hunter2"


def config(**values: Any) -> MssqlCdcConfig:
    read = parse_config(MssqlCdcConfig, {"connection_string": CONNECTION, "tables": ["Orders"], **values})
    assert isinstance(read, MssqlCdcConfig)
    return read


def test_the_originals_config_is_taken_as_it_stands() -> None:
    values = {
        "db_connection_string": "sqlserver://app:hunter2@sql.example.com:1433?database=shop",
        "poll_interval": "5s",
        "max_poll_interval": "30s",
        "tables": ["Persons", "Cars"],
        "lock_config": {"type": "none"},
    }
    read = MssqlCdcConfig.model_validate(values)
    assert (read.poll_interval, read.max_poll_interval, read.target.database) == (5.0, 30.0, "shop")
    assert read.lock_config.type == "none"


def test_the_defaults_are_those_of_the_table_in_the_readme() -> None:
    read = config()
    assert (read.poll_interval, read.max_poll_interval, read.heartbeat_interval) == (1.0, 10.0, 10.0)
    assert (read.query_timeout, read.retry_timeout, read.lock_config.term) == (60.0, 300.0, 30.0)
    assert (read.snapshot.mode, read.on_gap, read.manage_capture_instances) == ("initial", "fail", False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("5s", 5), ("1m30s", 90), ("1h", 3600), ("250ms", 0.25), ("1.5s", 1.5), (".5s", 0.5), ("0", 0), ("1h0m1s", 3601)],
)
def test_a_duration_is_read_as_go_reads_it(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "5", "s", "-5s", "5 s", "5d", "1s1", "5s\n", "."])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="such as `5s`"):
        seconds(text)


@given(st.integers(0, 1000), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_the_parts_of_a_duration_add_up(hours: int, minutes: int, whole: int, milliseconds: int) -> None:
    text = f"{hours}h{minutes}m{whole}s{milliseconds}ms"
    assert seconds(text) == pytest.approx(hours * 3600 + minutes * 60 + whole + milliseconds / 1000)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"poll_interval": 5}, "`poll_interval`: .* text with its unit"),
        ({"poll_interval": "1m", "max_poll_interval": "5s"}, "not above `max_poll_interval`"),
        ({"poll_interval": "0"}, "above 0"),
        ({"tables": []}, "`tables`"),
        ({"tables": ["a.b.c"]}, "`tables`: .*`schema.table`"),
        ({"columns": {"a.b.c": ["x"]}}, "`columns`: .*`schema.table`"),
        ({"connection_string": "Server=x"}, "`connection_string`: .*`database` is missing"),
        ({"snapshot": {"mode": "sometimes"}}, r"`snapshot\.mode`"),
        ({"snapshot": {"mod": "initial"}}, r"`snapshot\.mod` is not known"),
        ({"lock_config": {"type": "azure_blob"}}, "needs a `connection_string`"),
        ({"lock_config": {"type": "none", "term": "5s"}}, "between 15s and 60s"),
        ({"infrastructure": {"members": ["app"]}}, "needs a `role`"),
        ({"infrastructure": {"role": "r", "retention": "90s"}}, "whole minutes"),
        ({"pol_interval": "5s"}, "did you mean `poll_interval`"),
    ],
)
def test_what_is_wrong_is_named(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ProviderError, match=words):
        config(**values)


def test_no_secret_is_shown() -> None:
    read = config(lock_config={"type": "azure_blob", "connection_string": "AccountKey=hunter2"})
    assert "hunter2" not in repr(read)
    with pytest.raises(ProviderError) as refused:
        config(connection_string="Server=h;Database=d;User Id=u;Password='hunter2'x")
    assert "hunter2" not in refused.value.message


def test_secrets_are_marked_as_such_in_the_schema() -> None:
    schema = MssqlCdcConfig.model_json_schema()
    assert schema["properties"]["connection_string"]["writeOnly"] is True
    assert schema["properties"]["poll_interval"]["default"] == "1s"
