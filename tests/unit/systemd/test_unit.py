"""The unit that is written for a task."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.config.environment import Needs
from orchestrator.errors import EXIT_CONFIG, ConfigError
from orchestrator.systemd.escaping import argument, plain
from orchestrator.systemd.unit import UnitTask, unit_text

NEEDS = Needs(secrets=("PASSWORD", "TOKEN"), optional=("REGION",), variables=("DSTREAM_VAR_size",))


def settings(**changes: Any) -> dict[str, list[str]]:
    """The unit's settings, each with its values."""
    fields: dict[str, Any] = {
        "name": "orders",
        "command": ["/opt/dstream", "run", "orders"],
        "folder": Path("/srv/shop"),
        "writable": [Path("/srv/shop")],
        "needs": NEEDS,
        "grace": 30.0,
        "containers": True,
        "account": "shop",
    }
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", unit_text(UnitTask(**{**fields, **changes})), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


def test_it_drains_restarts_and_leaves_alone_what_no_restart_puts_right() -> None:
    unit = settings(grace=90.0)
    assert unit["Type"] == ["notify"]
    assert unit["KillMode"] == ["mixed"]
    assert int(unit["TimeoutStopSec"][0]) > 3 * 90  # what `dstream stop` gives a drain, and no kill before that
    assert unit["Restart"] == ["on-failure"]
    assert unit["RestartPreventExitStatus"] == [str(EXIT_CONFIG)]
    assert unit["User"] == ["shop"]
    assert unit["ExecStart"] == ["/opt/dstream run orders"]


def test_what_the_task_needs_comes_from_a_file() -> None:
    unit = settings()
    assert unit["EnvironmentFile"] == ["%E/dstream/orders.env"]
    assert "LoadCredential" not in unit
    assert "PASSWORD, TOKEN, DSTREAM_VAR_size" in unit_text_of()
    assert "What it may set: REGION, settings" in unit_text_of()
    # Where nothing has to be set, there need be no file.
    assert settings(needs=Needs(optional=("REGION",)))["EnvironmentFile"] == ["-%E/dstream/orders.env"]


def test_with_credentials_each_secret_comes_from_a_file_of_its_own() -> None:
    unit = settings(credentials=True)
    assert unit["LoadCredential"] == ["PASSWORD:%E/dstream/orders/PASSWORD", "TOKEN:%E/dstream/orders/TOKEN"]
    assert unit["EnvironmentFile"] == ["%E/dstream/orders.env"]  # of the variable, which no credential gives
    unit = settings(credentials=True, needs=Needs(secrets=("TOKEN",)))
    assert unit["EnvironmentFile"] == ["-%E/dstream/orders.env"]


def test_a_users_own_systemd_is_asked_for_nothing_that_it_may_not_do() -> None:
    unit = settings(for_user=True)
    assert unit["WantedBy"] == ["default.target"]
    assert not {"User", "ProtectSystem", "PrivateTmp", "CapabilityBoundingSet", "After"} & set(unit)
    assert settings()["ProtectSystem"] == ["strict"]
    assert settings(account=None).get("User") is None


def test_names_and_paths_reach_systemd_as_they_are() -> None:
    unit = settings(
        name='50% "off" \\o/',
        command=["/opt/my tools/dstream", "run", '50% "off" $HOME', ";"],
        folder=Path("/srv/my shop 100%"),
        writable=[Path("/srv/my shop 100%")],
    )
    assert unit["Description"] == ['dstream task 50%% "off" \\o/']
    assert unit["ExecStart"] == ['"/opt/my tools/dstream" run "50%% \\"off\\" $$HOME" ";"']
    assert unit["WorkingDirectory"] == ["/srv/my shop 100%%"]
    assert unit["ReadWritePaths"] == ['"/srv/my shop 100%%"']


@pytest.mark.parametrize("name", ["two\nlines", "ends with \\", " space", "bell\a"])
def test_what_no_unit_can_hold_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="a unit cannot hold"):
        settings(name=name)


@given(st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z"), include_characters=" ")))
def test_an_argument_is_read_back_as_it_was(text: str) -> None:
    try:
        written = argument(text)
    except ConfigError:
        return
    assert "\n" not in written
    inner = written[1:-1] if written.startswith('"') else written
    bare = re.sub(r'(?<!\\)(?:\\\\)*"', "", inner)
    assert bare == inner  # no quote ends it early
    assert re.sub(r"\\(.)", r"\1", inner).replace("$$", "$").replace("%%", "%") == text


def test_a_path_is_plain_but_for_percent_signs() -> None:
    assert plain("/srv/a b/100%$HOME") == "/srv/a b/100%%$HOME"


def unit_text_of() -> str:
    return unit_text(
        UnitTask("orders", ["/opt/dstream"], Path("/srv"), [Path("/srv")], NEEDS, grace=1.0, containers=False)
    )
