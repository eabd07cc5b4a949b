"""Which Docker Engine is meant, as the docker command decides it."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

from orchestrator.errors import ConfigError


def engine_host(setting: str | None) -> str | None:
    """The setting, else `DOCKER_HOST`, else the current Docker context; None is the default socket.

    Raises `ConfigError` (`engine.context`) for a context that is chosen and cannot be read.
    """
    if setting or os.environ.get("DOCKER_HOST"):
        return setting or os.environ["DOCKER_HOST"]
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    context = os.environ.get("DOCKER_CONTEXT") or _read(folder / "config.json").get("currentContext")
    if not context or context == "default":
        return None
    meta = folder / "contexts" / "meta" / sha256(context.encode()).hexdigest() / "meta.json"
    host = _read(meta).get("Endpoints", {}).get("docker", {}).get("Host")
    if not host:
        hint = "see `docker context ls`, or name an engine with `--engine-host`"
        raise ConfigError("engine.context", f"the Docker context `{context}` names no engine", hint=hint)
    return str(host)


def _read(path: Path) -> dict[str, Any]:
    """The JSON object in `path`; empty where there is none: the docker command ignores such a file too."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
