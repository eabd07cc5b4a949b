"""Work on infrastructure where another host may take the task."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest
from azure.storage.blob import BlobClient, BlobLeaseClient

from orchestrator.cli.compose import services
from orchestrator.config import load_project
from orchestrator.pipeline.lifecycle.verbs import Approval, LifecycleFailed, destroy_task
from orchestrator.pipeline.observe import RunControl
from orchestrator.pipeline.services import RunOptions
from orchestrator.settings import load_settings
from orchestrator.state.store import TaskHeld
from tests.cli.conftest import PROVIDERS
from tests.cli.test_lifecycle import QUEUES
from tests.streams import until
from tests.unit.pipeline.conftest import Recorder

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.state.store import StateStore
    from tests.servers.azurite import Azurite

TERM = 15.0


def test_nothing_is_destroyed_once_another_host_has_the_task_while_this_one_asked(
    tmp_path: Path, azurite: Azurite
) -> None:
    container = f"state-{uuid.uuid4().hex[:12]}"
    far = tmp_path / "far"
    far.mkdir()
    config = {"far": str(far), "note": str(tmp_path / "notes")}
    shared = {"connection_string": azurite.connection_string, "container": container, "term": f"{TERM:g}s"}
    state = "\n".join(f"  {name} = {json.dumps(value)}" for name, value in shared.items())
    text = (
        f'state "azure_blob" {{\n{state}\n}}\ntask "orders" {{\n'
        f'  input {{\n    provider_path = "{PROVIDERS}/numbers.py"\n    protocol = 1\n  }}\n'
        f'  output {{\n    provider_path = "{QUEUES}"\n    config = {json.dumps(config)}\n  }}\n}}\n'
    )
    for host in ("here", "there"):
        (tmp_path / host).mkdir()
        (tmp_path / host / "dstream.hcl").write_text(text)
    mine, theirs = (load_project(tmp_path / host / "dstream.hcl") for host in ("here", "there"))
    settings = load_settings()

    def taken(other: StateStore) -> bool:
        try:
            other.claim("orders", "R2")
        except TaskHeld:
            return False
        return True

    with services(mine, settings) as here:

        def approve(_: object) -> None:
            """Somebody takes the task away, and some time passes before the answer."""
            blob = BlobClient.from_connection_string(azurite.connection_string, container, "orders/state.json")
            BlobLeaseClient(blob).break_lease(0)
            with services(theirs, settings) as there:
                until(lambda: taken(there.state), "the other host has the task")
                until(lambda: not here.state._held["orders"].lease.sure, "this one knows")  # type: ignore[attr-defined]

        with pytest.raises(LifecycleFailed) as refused:
            destroy_task(
                mine.task("orders"),
                here,
                RunOptions(),
                Recorder(),
                RunControl(),
                approval=Approval(lambda _: None, approve),
            )
    assert refused.value.code == "state.fenced"
    assert '"command": "destroy"' not in (tmp_path / "notes").read_text()
