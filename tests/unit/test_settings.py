"""Flag over environment over settings file over default, and clear words about what is wrong."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from orchestrator.errors import ConfigError
from orchestrator.settings import ENV_PREFIX, Settings, load_settings, settings_file, settings_table


@pytest.fixture(autouse=True)
def settings_toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the settings file would be; the environment holds no settings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in list(os.environ):
        if name.upper().startswith(ENV_PREFIX):
            monkeypatch.delenv(name)
    (tmp_path / "dstream").mkdir()
    return tmp_path / "dstream" / "settings.toml"


def test_defaults() -> None:
    settings = load_settings()
    assert settings.engine_host is None
    assert settings.mirrors == {}
    assert settings.insecure_registries == []
    assert (settings.ready_timeout, settings.grace, settings.ack_timeout) == (30.0, 30.0, 300.0)
    assert (settings.pull, settings.log_level, settings.log_format) == ("missing", "warning", "text")
    assert settings.state_dir == Path(".dstream")
    assert (settings.tmpfs_size, settings.pids_limit, settings.pass_proxy) == (64 << 20, 512, True)


def test_the_stronger_source_wins(settings_toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_toml.write_text('grace = "1m"\nready_timeout = "1m"\nack_timeout = "1m"\npull = "never"\n')
    monkeypatch.setenv("DSTREAM_GRACE", "2m")
    monkeypatch.setenv("DSTREAM_READY_TIMEOUT", "2m")
    settings = load_settings(grace=180, pull=None)
    assert (settings.grace, settings.ready_timeout, settings.ack_timeout) == (180.0, 120.0, 60.0)
    assert settings.pull == "never"


def test_lists_and_tables_from_environment_and_file(settings_toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSTREAM_MIRRORS", '{"ghcr.io/katasec/": "127.0.0.1:5000/katasec/"}')
    settings_toml.write_text('insecure_registries = ["registry.test:5000"]\nmemory = "2g"\n')
    settings = load_settings()
    assert settings.mirrors == {"ghcr.io/katasec/": "127.0.0.1:5000/katasec/"}
    assert settings.insecure_registries == ["registry.test:5000"]
    assert settings.memory == 2 << 30


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("DSTREAM_GRACE", "soon", "`DSTREAM_GRACE`: write `5s`, `1m30s` or a number of seconds"),
        ("DSTREAM_MEMORY", "lots", "`DSTREAM_MEMORY`: write `512MiB`, `1g` or a number of bytes"),
        ("DSTREAM_PULL", "sometimes", "`DSTREAM_PULL`: input should be 'missing', 'always' or 'never'"),
        ("DSTREAM_GRACE", "0", "`DSTREAM_GRACE`: input should be greater than 0"),
    ],
)
def test_wrong_environment_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert (caught.value.code, caught.value.message) == ("config.settings", message)
    assert caught.value.where.file is None


def test_table_that_is_not_json_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSTREAM_MIRRORS", "a=b")
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert caught.value.message == "`DSTREAM_MIRRORS` is not JSON"
    assert "JSON" in (caught.value.hint or "")


def test_wrong_flag_names_the_flag() -> None:
    with pytest.raises(ConfigError, match="`--log-level`: input should be"):
        load_settings(log_level="loud")


def test_wrong_file_names_the_file_and_the_setting(settings_toml: Path) -> None:
    settings_toml.write_text('grce = "1m"\n')
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert (caught.value.message, caught.value.hint) == ("unknown setting `grce`", "did you mean `grace`?")
    assert caught.value.where.file == str(settings_toml)
    settings_toml.write_text("grace = \n")
    with pytest.raises(ConfigError, match="cannot read the settings file") as caught:
        load_settings()
    assert caught.value.where.file == str(settings_toml)


def test_settings_of_other_names_in_the_environment_are_nobodys_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSTREAM_VAR_grace", "x")
    monkeypatch.setenv("DSTREAM_SOMETHING", "x")
    assert load_settings().grace == 30.0


def test_without_xdg_the_file_is_in_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert settings_file() == tmp_path / ".config" / "dstream" / "settings.toml"


def test_every_setting_is_in_the_table_with_its_meaning() -> None:
    rows = settings_table().splitlines()[2:]
    assert [re.findall(r"`(\w+)`", row)[0] for row in rows] == list(Settings.model_fields)
    for row in rows:
        *_, meaning, end = re.split(r"(?<!\\)\|", row)
        assert end == ""
        assert meaning.strip().endswith((".", "`"))
