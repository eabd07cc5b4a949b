"""What keeps tasks, names and secrets apart where Pulumi makes the infrastructure."""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.automation import CommandResult
from pulumi.automation.errors import create_command_error

from dstream_sdk.errors import ProviderError
from dstream_sdk.infra.changes import name_of, type_of
from dstream_sdk.infra.folder import Folder
from dstream_sdk.infra.hiding import Hiding
from dstream_sdk.infra.stack import in_words
from dstream_sdk.infra.workspace import identity
from dstream_sdk.stop import Stop

secrets = st.text(st.characters(exclude_characters="*"), min_size=1)


@given(st.lists(secrets), st.lists(st.text()))
def test_no_secret_is_left_in_what_is_said(hidden: list[str], texts: list[str]) -> None:
    hiding = Hiding(hidden)
    said = hiding.within({"".join(texts): [*texts, *hidden, {"": "".join([*hidden, *texts])}, 5, None]})
    assert isinstance(said, dict)
    (key,) = said
    *lines, nested, number, nothing = said[key]
    assert (number, nothing) == (5, None)
    assert all(secret not in line for secret in hidden for line in (key, *lines, nested[""]))


@given(st.text(max_size=200), st.text(max_size=200))
def test_every_task_has_a_stack_of_its_own_whatever_its_name(one: str, other: str) -> None:
    names = [identity("asb", task).name for task in (one, other)]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", name) for name in names)
    assert (names[0] == names[1]) == (one == other)


def test_a_plain_name_is_kept() -> None:
    assert identity("asb-output-provider", "mssql-to-asb").name == "mssql-to-asb"
    assert identity("asb-output-provider", "x").project == "dstream-asb-output-provider"
    assert identity("queues", "x", role="input").project == "dstream-queues-input"


@pytest.mark.parametrize(
    "token",
    [
        "azure-native:servicebus:Queue",
        "azure-native:servicebus/v20240101:Queue",
        "pulumi-python:dynamic/servicebus:Queue",
    ],
)
def test_a_resource_has_one_type_by_whichever_way_it_is_made(token: str) -> None:
    assert type_of(token) == "servicebus.Queue"
    assert name_of(f"urn:pulumi:orders::dstream-asb::{token}::Orders::odd") == "Orders::odd"


def test_a_folder_belongs_to_one_command_and_to_the_engines_that_it_started(tmp_path: Path) -> None:
    with Folder(str(tmp_path), Stop()) as folder:
        inherited = os.dup(folder.lock_fd)
    stop = Stop()
    stop.request("SIGTERM came")
    with pytest.raises(ProviderError, match="waited for another command"), Folder(str(tmp_path), stop):
        pass
    os.close(inherited)
    with Folder(str(tmp_path), stop), (tmp_path / "lock").open() as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_without_a_folder_the_option_is_named() -> None:
    with pytest.raises(ProviderError, match="no folder") as refused, Folder("", Stop()):
        pass
    assert "options.folder" in refused.value.hint


def test_a_passphrase_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    with Folder(str(tmp_path), Stop()) as folder:
        made = folder.passphrase()
        assert len(made) >= 32
        assert folder.passphrase() == made
    assert (tmp_path / "passphrase").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("stderr", "said"),
    [("error: no such stack", "Pulumi: no such stack"), ("", "Pulumi's engine ended without a word")],
)
def test_what_stopped_the_engine_is_one_sentence(stderr: str, said: str) -> None:
    assert in_words(create_command_error(CommandResult(stdout="", stderr=stderr, code=-2))).message == said
