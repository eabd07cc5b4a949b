"""What a connection string of Service Bus says, as far as others than the SDK must know it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace by its host, as the client libraries address it. `port` is given for emulators alone."""

    host: str
    port: int | None = None
    emulated: bool = False

    @property
    def name(self) -> str:
        """As Azure calls it: the first part of the host."""
        return self.host.partition(".")[0]


def parse(text: str) -> Namespace:
    """Raises ValueError, without any part of the text, for what is no connection string of a namespace."""
    parts: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        key, equals, value = part.partition("=")
        if not equals:
            raise ValueError("is no connection string: its parts are `Key=value` with `;` between them")
        parts[key.strip().lower()] = value.strip()
    if "entitypath" in parts:
        raise ValueError("names a single queue (`EntityPath`): take the connection string of the namespace")
    endpoint = urlsplit(parts.get("endpoint", ""))
    if endpoint.scheme != "sb" or not endpoint.hostname:
        raise ValueError("has no `Endpoint=sb://…`")
    with_key = parts.get("sharedaccesskeyname") and parts.get("sharedaccesskey")
    if not with_key and not parts.get("sharedaccesssignature"):
        raise ValueError("has neither `SharedAccessKeyName` with `SharedAccessKey` nor `SharedAccessSignature`")
    try:
        port = endpoint.port
    except ValueError:
        raise ValueError("has a port in its `Endpoint` that is no number") from None
    emulated = parts.get("usedevelopmentemulator") == "true"
    return Namespace(endpoint.hostname, port if emulated else None, emulated)
