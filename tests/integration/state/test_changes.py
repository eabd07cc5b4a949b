"""Resetting and importing state that hosts share: only by whoever has the task, and on every host at once."""

from __future__ import annotations

import json
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from azure.storage.blob import BlobClient, BlobLeaseClient

from orchestrator.cli.compose import services
from orchestrator.config import load_project
from orchestrator.errors import UnavailableError
from orchestrator.pipeline.state_changes import import_state, importable, reset_state
from orchestrator.settings import load_settings
from orchestrator.state.backups import Backups
from orchestrator.state.exported import decode
from orchestrator.state.store import Checkpoint, Identity, TaskHeld
from tests.cli.conftest import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orchestrator.config.model import Task
    from orchestrator.pipeline.services import Services
    from tests.servers.azurite import Azurite

SOURCE = f"{PROVIDERS}/numbers.py"
POINT = Checkpoint(Identity("orders", SOURCE, SOURCE, 1), "R1", 5, 5, b'{"number": 5}', 1.5)


@dataclass(frozen=True)
class Host:
    """One of those that share the state."""

    folder: Path
    task: Task
    services: Services

    @property
    def backups(self) -> Backups:
        return Backups(self.folder / ".dstream")


class Hosts:
    """Two hosts with one file; `one` has stored `POINT`."""

    def __init__(self, folder: Path, azurite: Azurite, opened: ExitStack) -> None:
        self.address = azurite.connection_string
        self.container = f"state-{uuid.uuid4().hex[:12]}"
        self._opened = opened
        self._text = (
            'state "azure_blob" {\n'
            f'  connection_string = {json.dumps(self.address)}\n  container = "{self.container}"\n  term = "15s"\n}}\n'
            f'task "orders" {{\n  input {{\n    provider_path = "{SOURCE}"\n    protocol = 1\n  }}\n'
            f'  output {{\n    provider_path = "{PROVIDERS}/lines.py"\n    protocol = 1\n  }}\n}}\n'
        )
        self.one, self.two = self._host(folder / "one"), self._host(folder / "two")
        state = self.one.services.state
        claim = state.claim("orders", "R1", ["path"])
        state.commit(claim, POINT)
        state.finish(claim, "ended", {}, delivery="at-least-once")

    def take_away(self) -> None:
        """Let host two have the task, whoever has it now: an operator broke the lease."""
        blob = BlobClient.from_connection_string(self.address, self.container, "orders/state.json")
        with blob:
            BlobLeaseClient(blob).break_lease(0)
        self.two.services.state.claim("orders", "R2", ["path"])

    def _host(self, folder: Path) -> Host:
        folder.mkdir()
        (folder / "dstream.hcl").write_text(self._text)
        project = load_project(folder / "dstream.hcl")
        offered = self._opened.enter_context(services(project, load_settings()))
        return Host(folder, project.task("orders"), offered)


@pytest.fixture
def hosts(tmp_path: Path, azurite: Azurite) -> Iterator[Hosts]:
    with ExitStack() as opened:
        yield Hosts(tmp_path, azurite, opened)


def test_what_one_host_resets_another_imports_from_the_backup(hosts: Hosts) -> None:
    one, two = hosts.one, hosts.two
    changed = reset_state(one.task, one.services, one.backups)
    assert changed.before == POINT
    assert two.services.state.checkpoint("orders") is None

    assert changed.backup is not None
    exported = decode(changed.backup.read_bytes(), "backup")
    point = importable(exported, two.task, two.services, pull="missing", was=None, name="backup")
    assert import_state(two.task, two.services, two.backups, point).backup is None
    assert one.services.state.checkpoint("orders") == POINT
    claim = one.services.state.claim("orders", "R3", ["path"])  # neither change kept the task to itself
    one.services.state.finish(claim, "ended", {}, delivery="at-least-once")


def test_nothing_is_changed_while_another_host_runs_the_task(hosts: Hosts) -> None:
    one, two = hosts.one, hosts.two
    claim = two.services.state.claim("orders", "R2", ["path"])
    with pytest.raises(TaskHeld):
        reset_state(one.task, one.services, one.backups)
    with pytest.raises(TaskHeld):
        import_state(one.task, one.services, one.backups, POINT)
    assert one.services.state.checkpoint("orders") == POINT
    assert not one.backups.of("orders")
    two.services.state.commit(claim, POINT)


def test_a_change_is_refused_once_another_host_has_taken_the_task_over(hosts: Hosts) -> None:
    """As late as can be: the backup is made, the change is about to be written."""

    class Slow(Backups):
        def keep(self, checkpoint: Checkpoint) -> Path:
            kept = super().keep(checkpoint)
            hosts.take_away()
            return kept

    with pytest.raises(UnavailableError, match=r"state\.fenced"):
        reset_state(hosts.one.task, hosts.one.services, Slow(hosts.one.folder / ".dstream"))
    assert hosts.two.services.state.checkpoint("orders") == POINT
