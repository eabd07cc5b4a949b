"""Where locks of blobs are kept."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.servers.azurite import Azurite


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    with Azurite("locks") as server:
        yield server


@pytest.fixture
def blob_config(azurite: Azurite) -> dict[str, Any]:
    """With a container of its own, which is not there yet."""
    return {
        "type": "azure_blob",
        "connection_string": azurite.connection_string,
        "container_name": f"locks-{uuid.uuid4().hex[:12]}",
        "term": "15s",
    }
