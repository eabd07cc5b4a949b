"""The socket by which other shells reach a run."""

from __future__ import annotations

import socket
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import ConfigError, RunError, UnavailableError
from orchestrator.pipeline.control import Controls


def echo(request: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"asked": request["what"]}


def refuse(request: Mapping[str, Any]) -> Mapping[str, Any]:
    raise ConfigError("test.refused", "no", hint="ask for something else")


def break_down(request: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"asked": request["nothing"]}


ANSWERS = {"echo": echo, "refuse": refuse, "break down": break_down}


@pytest.fixture
def controls(tmp_path: Path) -> Controls:
    return Controls(tmp_path)


def socket_of(folder: Path) -> Path:
    (path,) = (folder / "control").iterdir()
    return path


def test_a_request_gets_the_answer_of_the_run(controls: Controls) -> None:
    with controls.listen("orders", ANSWERS):
        assert controls.ask("orders", "echo", what="ä\n") == {"asked": "ä\n"}
        assert controls.ask("orders", "echo", what=2) == {"asked": 2}


def test_what_the_run_refuses_is_raised_where_it_was_asked(controls: Controls) -> None:
    with controls.listen("orders", ANSWERS), pytest.raises(ConfigError) as refused:
        controls.ask("orders", "refuse")
    assert (refused.value.code, refused.value.hint) == ("test.refused", "ask for something else")


def test_an_answer_that_breaks_down_is_an_error_for_whoever_asked_alone(controls: Controls) -> None:
    with controls.listen("orders", ANSWERS):
        with pytest.raises(RunError) as failed:
            controls.ask("orders", "break down")
        assert failed.value.code == "control.failed"
        assert controls.ask("orders", "echo", what=1) == {"asked": 1}


def test_a_request_of_another_version_is_refused_by_name(controls: Controls) -> None:
    with controls.listen("orders", ANSWERS), pytest.raises(ConfigError, match="no request `juggle`"):
        controls.ask("orders", "juggle")


def test_a_task_that_nobody_runs_is_said_not_to_run(controls: Controls) -> None:
    with pytest.raises(RunError, match="task `orders` is not being run"):
        controls.ask("orders", "echo")
    with controls.listen("orders", ANSWERS), pytest.raises(RunError, match="task `others` is not being run"):
        controls.ask("others", "echo")


def test_a_run_that_was_killed_leaves_a_socket_that_nobody_answers_and_the_next_one_replaces(
    controls: Controls, tmp_path: Path
) -> None:
    (tmp_path / "control").mkdir()
    with controls.listen("orders", ANSWERS):
        path = socket_of(tmp_path)
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
    with pytest.raises(RunError, match="not being run"):
        controls.ask("orders", "echo", what=1)
    with controls.listen("orders", ANSWERS):
        assert controls.ask("orders", "echo", what=1) == {"asked": 1}
    assert list((tmp_path / "control").iterdir()) == []


def test_only_the_user_may_open_the_socket(controls: Controls, tmp_path: Path) -> None:
    with controls.listen("orders", ANSWERS):
        path = socket_of(tmp_path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_folder_may_be_deeper_than_a_socket_address_is_long(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-folder-of-some-length"] * 8)
    deep.mkdir(parents=True)
    with Controls(deep).listen("t" * 200, ANSWERS):
        assert Controls(deep).ask("t" * 200, "echo", what=1) == {"asked": 1}


def test_a_client_that_hangs_up_or_talks_nonsense_hinders_nobody(controls: Controls, tmp_path: Path) -> None:
    (tmp_path / "control").mkdir()
    (tmp_path / "s").symlink_to(tmp_path / "control")
    with controls.listen("orders", ANSWERS):
        address = str(socket_of(tmp_path))
        for said in (b"", b'{"request":', b"nonsense\n", b"[1]\n", b'{"request":["echo"]}\n'):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(address)
                client.sendall(said)
        assert controls.ask("orders", "echo", what=1) == {"asked": 1}


def test_a_state_directory_that_cannot_hold_a_socket_is_an_error_of_the_environment(tmp_path: Path) -> None:
    (tmp_path / "control").write_text("a file")
    with pytest.raises(UnavailableError, match="other shells cannot reach this run"):
        Controls(tmp_path).listen("orders", ANSWERS)
