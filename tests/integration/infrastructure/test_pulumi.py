"""An author's Pulumi program behind the lifecycle verbs, on Pulumi's engine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from azure.storage.blob import ContainerClient

from tests.filetask import FileTask, actions, detail
from tests.servers.azurite import ACCOUNT, KEY, Azurite

MakeTask = Callable[..., FileTask]
TOKEN = "hunter2-and-more"


@pytest.fixture
def make(tmp_path: Path, pulumi_engine: Path) -> MakeTask:
    def made(**settings: Any) -> FileTask:
        return FileTask(tmp_path, pulumi_engine, **settings)

    return made


def shared(tmp_path: Path, passphrase: str | None = "correct horse") -> dict[str, Any]:
    """The config of a state that several may reach."""
    state = tmp_path / "shared"
    state.mkdir(exist_ok=True)
    return {"backend": state.as_uri()} | ({"passphrase": passphrase} if passphrase else {})


def test_what_is_planned_is_made_kept_shown_and_removed(make: MakeTask) -> None:
    task = make(files={"a": 1, "b": 2})
    planned = task.do("plan")
    assert actions(planned) == {"a": "create", "b": "create"}
    assert detail(planned, "b")["attributes"]["size"] == 2
    assert task.files() == []
    assert [path.name for path in task.folder.rglob("*") if path.is_file()] == ["lock"]

    assert actions(task.do("init")) == {"a": "create", "b": "create"}
    assert "created files.File `a`" in task.said
    (task.far / "somebody's").touch()

    shown = task.do("status")
    assert actions(shown) == {"a": "same", "b": "same"}
    assert shown.metadata is not None
    assert shown.metadata["outputs"]["names"] == ["a", "b"]

    assert actions(task.do("plan", destroy=True)) == {"a": "delete", "b": "delete"}
    assert task.files() == ["a", "b", "somebody's"]
    assert actions(task.do("destroy")) == {"a": "delete", "b": "delete"}
    assert task.files() == ["somebody's"]
    assert [path.name for path in task.folder.rglob("*")] == ["lock"]
    assert task.do("destroy").resources == []


def test_a_changed_config_is_shown_by_attribute_and_made_so(make: MakeTask) -> None:
    task = make(files={"a": 1, "b": 2, "c": 3})
    task.do("init")
    task.config["files"] = {"a": 7, "b": 2, "d": 4}
    planned = task.do("plan")
    assert actions(planned) == {"a": "update", "b": "same", "c": "delete", "d": "create"}
    assert detail(planned, "a") == {"changes": {"size": [1, 7]}}
    assert actions(task.do("init")) == actions(planned)
    assert task.files() == ["a", "b", "d"]
    assert json.loads((task.far / "a").read_text())["size"] == 7

    task.config |= {"files": {"a": 7}, "kind": "binary"}
    replaced = task.do("plan")
    assert actions(replaced) == {"a": "replace", "b": "delete", "d": "delete"}
    assert detail(replaced, "a") == {"changes": {"kind": ["text", "binary"]}}


def test_drift_is_shown_and_undone(make: MakeTask) -> None:
    task = make(files={"a": 1, "b": 2})
    task.do("init")
    changed = json.loads((task.far / "a").read_text()) | {"size": 9}
    (task.far / "a").write_text(json.dumps(changed))
    (task.far / "b").unlink()

    shown = task.do("status")
    assert actions(shown) == {"a": "update", "b": "create"}
    assert detail(shown, "a")["drift"] == {"size": [1, 9]}
    assert detail(shown, "b")["drift"] == {"exists": [True, False]}
    task.do("init")
    assert json.loads((task.far / "a").read_text())["size"] == 1
    assert task.files() == ["a", "b"]


def test_what_fails_is_told_in_the_far_sides_words_and_continued_later(make: MakeTask) -> None:
    task = make(files={"a": 1, "b": 2})
    (task.far / "b").write_text('{"mark": "another"}')
    failed = task.do("init")
    assert failed.status == "Failed"
    assert "b is there already" in (failed.error or "")
    (task.far / "b").unlink()
    assert actions(task.do("init"))["b"] == "create"
    assert task.files() == ["a", "b"]


def test_data_is_not_lost_without_leave(make: MakeTask) -> None:
    task = make(files={"a": 1, "b": 2}, precious=["a"])
    task.do("init")
    planned = task.do("plan", destroy=True)
    assert detail(planned, "a") == {"data_loss": "a holds data"}
    refused = task.do("destroy")
    assert (refused.status, refused.error) == ("Failed", "data would be lost: a holds data")
    assert "`--allow-data-loss`" in refused.hint
    task.config["files"] = {"b": 2}
    assert task.do("init").status == "Failed"
    assert task.files() == ["a", "b"]
    assert actions(task.do("init", allow_data_loss=True)) == {"a": "delete", "b": "same"}
    assert task.files() == ["b"]


def test_secrets_are_in_no_file_no_log_and_no_reply(make: MakeTask, tmp_path: Path) -> None:
    task = make(files={"a": 1})
    replies = [task.do("init"), task.do("status")]
    said = task.said
    task.config["token"] = "wrong"
    task.config["files"] = {"b": 1}
    replies.append(task.do("init"))
    assert "the token *** was refused" in (replies[-1].error or "")
    assert TOKEN not in msgspec.json.encode(replies).decode() + said + task.said
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(kept) > 5
    assert [path for path in kept if TOKEN.encode() in path.read_bytes()] == []


def test_shared_state_serves_every_host_and_keeps_tasks_apart(make: MakeTask, tmp_path: Path) -> None:
    here = make(task="orders", files={"a": 1}, infrastructure=shared(tmp_path))
    there = make(task="orders", files={"a": 2}, infrastructure=shared(tmp_path))
    there.folder = tmp_path / "elsewhere"
    other = make(task="sales & more", files={"b": 1}, infrastructure=shared(tmp_path))
    here.do("init")
    assert actions(there.do("init")) == {"a": "update"}
    assert actions(other.do("init")) == {"b": "create"}
    assert actions(here.do("destroy")) == {"a": "delete"}
    assert other.files() == ["b"]

    other.config["infrastructure"] = shared(tmp_path, "battery staple")
    assert "passphrase does not fit" in (other.do("init").error or "")
    other.config["infrastructure"] = shared(tmp_path, None)
    assert "needs a `passphrase`" in (other.do("init").error or "")


def test_state_in_blob_storage_serves_every_host(make: MakeTask, azurite: Azurite, tmp_path: Path) -> None:
    with ContainerClient.from_connection_string(azurite.connection_string, "pulumi") as container:
        container.create_container()
    place = f"azblob://pulumi?storage_account={ACCOUNT}&domain={azurite.address}&protocol=http&localemu=true"
    account = {"AZURE_STORAGE_ACCOUNT": ACCOUNT, "AZURE_STORAGE_KEY": KEY}
    blobs = {"backend": place, "passphrase": "correct horse", "environment": account}
    here = make(files={"a": 1}, infrastructure=blobs)
    there = make(files={"a": 2}, infrastructure=blobs)
    there.folder = tmp_path / "elsewhere"
    assert actions(here.do("init")) == {"a": "create"}
    assert actions(there.do("init")) == {"a": "update"}
    assert actions(here.do("destroy")) == {"a": "delete"}
    assert here.files() == []


def test_state_without_its_passphrase_is_left_alone(make: MakeTask) -> None:
    task = make(files={"a": 1})
    task.do("init")
    (task.folder / "passphrase").unlink()
    before = {path: path.read_bytes() for path in task.folder.rglob("*") if path.is_file()}
    assert "passphrase of the infrastructure's state is gone" in (task.do("init").error or "")
    assert {path: path.read_bytes() for path in task.folder.rglob("*") if path.is_file()} == before


def test_a_missing_engine_is_named(make: MakeTask, tmp_path: Path) -> None:
    task = make(files={"a": 1})
    task.environ["PATH"] = str(tmp_path)
    failed = task.do("plan")
    assert failed.error == "Pulumi's engine is missing"
    assert "`pulumi` must be on" in failed.hint


def test_an_output_that_runs_does_not_load_pulumi(make: MakeTask) -> None:
    loaded = "import sys, tests.fakes.pulumi.files; print([m for m in ('pulumi', 'grpc') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", loaded], env=make().environ, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
