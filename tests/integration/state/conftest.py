"""Hosts that share state: each has a store of its own, and the way to a container of all of them."""

from __future__ import annotations

import contextlib
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from azure.storage.blob import BlobClient, BlobLeaseClient, ContainerClient

from orchestrator.config.model import SharedState
from orchestrator.errors import Where
from orchestrator.state.azure_blob import AzureBlobState
from orchestrator.state.sqlite import SqliteState
from tests.cli.conftest import cache
from tests.servers.azurite import Azurite, connection_string

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["TERM", "Hosts", "cache", "hosts"]

TERM = 15.0


@dataclass
class Hosts:
    """Makes stores of hosts that share one container."""

    azurite: Azurite
    container: str
    folder: Path
    opened: contextlib.ExitStack

    def open(self, host: str, *, through: str | None = None, key: str | None = None) -> AzureBlobState:
        """The store of a host, whose local one is always the same. `through` is another address of the container."""
        address = connection_string(through or self.azurite.address, *([key] if key else []))
        place = SharedState(address, self.container, Where(file="dstream.hcl", line=1), "shop", TERM)
        local = SqliteState(self.folder / host / "state.db")
        state = AzureBlobState(place, local, self.renewals.append)
        self.opened.callback(local.close)
        self.opened.callback(state.close)
        return state

    def __post_init__(self) -> None:
        self.renewals: list[float] = []
        self.client = self.opened.enter_context(
            ContainerClient.from_connection_string(self.azurite.connection_string, self.container)
        )

    def blob(self, name: str) -> BlobClient:
        """What lies under the prefix."""
        return self.client.get_blob_client(f"shop/{name}")

    def break_lease(self, task: str) -> None:
        """Take the task from its holder, as an operator can."""
        BlobLeaseClient(self.blob(f"{task}/state.json")).break_lease(0)


@pytest.fixture
def hosts(azurite: Azurite, tmp_path: Path) -> Iterator[Hosts]:
    with contextlib.ExitStack() as opened:
        yield Hosts(azurite, f"state-{uuid.uuid4().hex[:12]}", tmp_path, opened)
