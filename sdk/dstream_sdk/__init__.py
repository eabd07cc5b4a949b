"""What a provider author imports.

Names are loaded when they are first used (PEP 562), so that `import dstream_sdk.protocol` stays
light and pydantic is imported only where a provider has a config.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dstream_sdk.config import Config
    from dstream_sdk.context import Context
    from dstream_sdk.errors import ProviderError, Rejection
    from dstream_sdk.host import run_provider
    from dstream_sdk.protocol.messages import (
        Column,
        CommandEnvelope,
        Envelope,
        Finding,
        LifecycleReply,
        Resource,
        Stream,
    )
    from dstream_sdk.provider import Checkpoint, InfrastructureProvider, InputProvider, OutputProvider

__all__ = [
    "Checkpoint",
    "Column",
    "CommandEnvelope",
    "Config",
    "Context",
    "Envelope",
    "Finding",
    "InfrastructureProvider",
    "InputProvider",
    "LifecycleReply",
    "OutputProvider",
    "ProviderError",
    "Rejection",
    "Resource",
    "Stream",
    "run_provider",
]

_HOME = {
    "Checkpoint": "dstream_sdk.provider",
    "Column": "dstream_sdk.protocol.messages",
    "CommandEnvelope": "dstream_sdk.protocol.messages",
    "Config": "dstream_sdk.config",
    "Context": "dstream_sdk.context",
    "Envelope": "dstream_sdk.protocol.messages",
    "Finding": "dstream_sdk.protocol.messages",
    "InfrastructureProvider": "dstream_sdk.provider",
    "InputProvider": "dstream_sdk.provider",
    "LifecycleReply": "dstream_sdk.protocol.messages",
    "OutputProvider": "dstream_sdk.provider",
    "ProviderError": "dstream_sdk.errors",
    "Rejection": "dstream_sdk.errors",
    "Resource": "dstream_sdk.protocol.messages",
    "Stream": "dstream_sdk.protocol.messages",
    "run_provider": "dstream_sdk.host",
}


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module `dstream_sdk` has no attribute `{name}`")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
