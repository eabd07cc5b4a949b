"""What a registry wants to see before it serves: a password (Basic), or a token from the service it names (Bearer)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from requests.utils import parse_dict_header

if TYPE_CHECKING:
    import requests

    from orchestrator.registry.wire.credentials import Credential


class Refused(Exception):
    """A registry or its token service will not serve this user; `answer` says why."""

    def __init__(self, answer: requests.Response) -> None:
        super().__init__(f"HTTP status {answer.status_code}")
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Challenge:
    """A `WWW-Authenticate` header. `scheme` is `basic`, `bearer` or something else, in lower case."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""

    @classmethod
    def parse(cls, header: str) -> Challenge:
        scheme, _, rest = header.strip().partition(" ")
        found: dict[str, str | None] = parse_dict_header(rest)  # type: ignore[no-untyped-call]  # so in its stubs
        realm, service, scope = (found.get(name) or "" for name in ("realm", "service", "scope"))
        return cls(scheme.lower(), realm, service, scope)


def authorize(refusal: requests.Response, credential: Credential | None, session: requests.Session) -> str:
    """The value of the `Authorization` header that answers `refusal`, which has status 401.

    May ask a token service, as a registry's users all do: the password goes to the service that the registry
    names, but from a registry that speaks TLS only to one that does so too. What a registry sends us to instead of
    answering, such as a store of blobs, names none. Raises `Refused`.
    """
    if refusal.history and _server(refusal.url) != _server(refusal.history[0].url):
        raise Refused(refusal)
    challenge = Challenge.parse(refusal.headers.get("WWW-Authenticate", ""))
    if challenge.scheme == "basic" and credential is not None and credential.user:
        return credential.basic
    realm = urlsplit(challenge.realm)
    safe = realm.scheme == "https" or (realm.scheme == "http" and urlsplit(refusal.url).scheme == "http")
    if challenge.scheme != "bearer" or not safe:
        raise Refused(refusal)
    token = _token(challenge, credential, session)
    if token is None:
        raise Refused(refusal)
    return f"Bearer {token}"


def _token(challenge: Challenge, credential: Credential | None, session: requests.Session) -> str | None:
    asked = {name: value for name in ("service", "scope") if (value := getattr(challenge, name))}
    if credential is not None and credential.identity_token:
        form = asked | {
            "grant_type": "refresh_token",
            "refresh_token": credential.identity_token,
            "client_id": "dstream",
        }
        # A redirection would take the token along.
        answer = session.request("POST", challenge.realm, data=form, allow_redirects=False)
    else:
        headers = {"Authorization": credential.basic} if credential else {}
        answer = session.request("GET", challenge.realm, params=asked, headers=headers)
    if answer.status_code >= 400:
        raise Refused(answer)
    if answer.status_code != 200:
        return None
    try:
        found = answer.json()
        token = found.get("token") or found.get("access_token")
    except (ValueError, AttributeError):
        return None
    return str(token) if token else None


def _server(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
