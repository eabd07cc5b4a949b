"""Descriptions, labels, config tables: what is known of a provider without running it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import AliasChoices, Field, SecretStr

from dstream_sdk import Config, Envelope, InfrastructureProvider, InputProvider, LifecycleReply, ProviderError
from dstream_sdk.config import parse_config
from dstream_sdk.config_table import config_table
from dstream_sdk.description import commands, config_schema, describe, label
from dstream_sdk.host import parse_envelope
from dstream_sdk.protocol import LABEL_LIMIT, Description
from dstream_sdk.spec import BEGIN, END, main
from dstream_sdk.testing.schema_values import may_accept, wrong_value
from tests.fakes.sdk.queues import Queues
from tests.fakes.sdk.sink import Sink
from tests.fakes.sdk.source import Source


class Retry(Config):
    """How often to try."""

    attempts: int = Field(default=3, description="Attempts | in all.", examples=[5])


class WideConfig(Config):
    tables: list[str] = Field(description="What to read.", examples=[["orders"]])
    password: SecretStr = Field(default=SecretStr(""), description="The password.")
    mode: str | None = Field(
        default=None, validation_alias=AliasChoices("mode", "Mode"), description="How.", examples=["fast"]
    )
    retry: Retry = Field(default=Retry(), description="When to give up.")
    ratio: Decimal = Field(default=Decimal(1), description="A share.", examples=[0.5])


class Wide(InputProvider[WideConfig]):
    name = "wide"

    def read(self, context: Any) -> Any:
        yield Envelope({})


def test_description_is_read_off_the_class() -> None:
    source = describe(Source)
    assert (source.name, source.version, source.role) == ("source", "1.2.3", "input")
    assert source.capabilities == ["checkpoint", "stats", "signal"]
    assert source.commands == ["describe", "run"]
    assert commands(Sink) == ["describe", "run", "check", "discover"]
    assert commands(Queues) == ["describe", "run", "init", "plan", "status", "destroy"]
    assert describe(Queues).config_schema is None


def test_schema_marks_secrets_and_names_aliases() -> None:
    schema = config_schema(Wide)
    assert schema is not None
    assert schema["properties"]["password"]["writeOnly"] is True
    assert schema["properties"]["mode"]["x-aliases"] == ["Mode"]
    assert schema["required"] == ["tables"]


def test_label_is_whole_while_it_fits_and_reduced_beyond() -> None:
    small = describe(Source)
    assert msgspec.json.decode(label(small), type=Description) == small
    large = msgspec.structs.replace(small, config_schema={"properties": {"x": "y" * LABEL_LIMIT}})
    reduced = msgspec.json.decode(label(large))
    assert reduced == {
        "name": "source",
        "role": "input",
        "protocol": 1,
        "version": "1.2.3",
        "capabilities": ["checkpoint", "stats", "signal"],
        "commands": ["describe", "run"],
        "describe": True,
    }


def test_config_table_shows_every_key_with_its_spellings() -> None:
    table = config_table(describe(Wide)).splitlines()
    assert table[2:] == [
        '| `tables` | list of string | required | `["orders"]` | What to read. |',
        '| `password` | string, secret | `""` |  | The password. |',
        '| `mode`, `Mode` | string or null | `null` | `"fast"` | How. |',
        '| `retry` | object | `{"attempts": 3}` |  | When to give up. |',
        "| `retry.attempts` | integer | `3` | `5` | Attempts \\| in all. |",
        '| `ratio` | number or string | `"1"` | `0.5` | A share. |',
    ]


def test_readme_check_finds_a_stale_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readme = tmp_path / "README.md"
    target = "tests.fakes.sdk.source:Source"
    readme.write_text("no markers")
    assert main([target, "--readme", str(readme)]) == 1
    assert "add the lines" in capsys.readouterr().err
    readme.write_text(f"above\n{BEGIN}\nold\n{END}\nbelow\n")
    assert main([target, "--readme", str(readme), "--check"]) == 1
    assert "is stale" in capsys.readouterr().err
    assert main([target, "--readme", str(readme)]) == 0
    assert main([target, "--readme", str(readme), "--check"]) == 0
    assert readme.read_text().startswith("above\n")
    assert readme.read_text().endswith("below\n")


def test_a_page_says_what_the_provider_is_and_takes_and_a_stale_one_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "source.md"
    command = ["tests.fakes.sdk.source:Source", "--page", str(file)]
    assert main([*command, "--check"]) == 1
    assert "is stale" in capsys.readouterr().err
    assert main(command) == 0
    assert main([*command, "--check"]) == 0
    written = file.read_text()
    assert written.startswith("# source\n")
    assert "| Capabilities | `checkpoint`, `stats`, `signal` |" in written
    assert config_table(describe(Source)) in written


@pytest.mark.parametrize("target", ["no.such.module:X", "tests.fakes.sdk.source:Nothing", "tests.fakes.sdk.source"])
def test_unknown_provider_is_an_error_with_a_way_out(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([target]) == 1
    assert "hint:" in capsys.readouterr().err


def test_config_numbers_keep_their_digits() -> None:
    digits = "0.1234567890123456789012345678901234567890"
    line = f'{{"command":"run","config":{{"tables":[],"ratio":{digits},"half":0.5}}}}'.encode()
    config = parse_envelope(line).config
    assert config["ratio"] == Decimal(digits)
    assert type(config["half"]) is float
    del config["half"]
    assert parse_config(WideConfig, config) == WideConfig(tables=[], ratio=Decimal(digits))


def test_config_says_what_is_missing_and_what_it_knows() -> None:
    with pytest.raises(ProviderError, match="`tables` is missing") as caught:
        parse_config(WideConfig, {"retry": {"attempts": "x"}})
    assert "`retry.attempts`" in caught.value.message
    assert "this provider knows `tables`" in caught.value.hint


def test_config_with_the_right_keys_is_not_answered_with_a_list_of_them() -> None:
    with pytest.raises(ProviderError, match="`retry`") as caught:
        parse_config(WideConfig, {"tables": [], "retry": "often"})
    assert not caught.value.hint


def test_infrastructure_verbs_are_an_interface() -> None:
    assert InfrastructureProvider.__abstractmethods__ == {"init", "plan", "status", "destroy"}
    assert isinstance(LifecycleReply("Success").resources, list)


def test_wrong_values_are_refused_by_the_schema() -> None:
    schema = config_schema(Wide)
    assert schema is not None
    for name, field in schema["properties"].items():
        bad = wrong_value(field, schema)
        assert bad is not None, name
        assert not may_accept(field, schema, bad)
        with pytest.raises(ProviderError, match=name):
            parse_config(WideConfig, {"tables": [], name: bad})
    assert wrong_value({}, {}) is None
