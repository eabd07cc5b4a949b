"""Who may: shared access signatures, and bearer tokens that a test has named."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from tests.servers.servicebus.errors import UNAUTHORIZED, ServiceError


@dataclass
class Keys:
    """What opens the namespace: one key of all rights, and any bearer tokens."""

    name: str = "RootManageSharedAccessKey"
    secret: str = "SAS_KEY_VALUE"
    bearers: set[str] = field(default_factory=set)

    def check(self, token: str, now: float) -> None:
        """Raises ServiceError unless this is a valid signature of ours or one of the bearer tokens."""
        if token.removeprefix("Bearer ") in self.bearers:
            return
        kind, _, text = token.partition(" ")
        parts = dict(pair.partition("=")[::2] for pair in text.split("&"))
        if kind != "SharedAccessSignature" or not {"sr", "sig", "se", "skn"} <= parts.keys():
            raise _refused("MalformedToken: The token is not one that is known here.", 40100)
        signed = hmac.digest(self.secret.encode(), f"{parts['sr']}\n{parts['se']}".encode(), hashlib.sha256)
        given = unquote_plus(parts["sig"])
        if unquote_plus(parts["skn"]) != self.name or given != base64.b64encode(signed).decode():
            raise _refused("InvalidSignature: The token has an invalid signature.", 40103)
        if float(parts["se"]) < now:
            raise _refused("ExpiredToken: The token is expired.", 40104)


def _refused(text: str, subcode: int) -> ServiceError:
    return ServiceError(UNAUTHORIZED, text, status=401, subcode=subcode)
