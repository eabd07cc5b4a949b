"""What a provider's own words tell about the container that it runs in. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from orchestrator.pipeline.provider import Prepared
from orchestrator.runtime.base import ImageProgram

_REFUSED = re.compile(
    r"refused|ECONNREFUSED|errno 111|cannot connect|could not connect|unable to connect", re.IGNORECASE
)
_LOOPBACK = re.compile(r"\b127(?:\.\d{1,3}){3}\b|\blocalhost\b|(?<![\w:])::1\b", re.IGNORECASE)


def loopback(prepared: Prepared, words: Iterable[str]) -> str | None:
    """The way out for a container that was refused at its own loopback address, where the host was meant."""
    if not isinstance(prepared.program, ImageProgram) or prepared.spec.network == "host":
        return None
    text = "\n".join(words)
    if not (_REFUSED.search(text) and _LOOPBACK.search(text)):
        return None
    return (
        "in a container a loopback address is the container itself: write `host.docker.internal` for a server on"
        f' this host, or `network = "host"` in the task\'s `{prepared.spec.role}` block'
    )
