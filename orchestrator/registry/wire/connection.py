"""One repository's side of a registry's HTTP API, over oras: addresses, logins, trust and time limits."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any
from urllib.parse import urljoin, urlsplit

import certifi
import oras.auth
import oras.provider
import requests
from oras.utils import append_url_params
from requests.adapters import HTTPAdapter

from orchestrator.registry.wire.authorization import Refused, authorize
from orchestrator.registry.wire.credentials import Credential

_HUB = {"docker.io": "registry-1.docker.io"}


class Session(requests.Session):
    """Connections to any number of hosts, shared by threads; nothing in it changes after it was made.

    `timeout` is the most seconds that connecting, and then any silence, may take. `ca_bundle` is trusted
    besides the system's authorities. Loopback is never asked through a proxy. Raises `OSError` (`ssl.SSLError`
    among them) for a bundle that cannot be read.
    """

    def __init__(self, timeout: float, ca_bundle: str | None) -> None:
        super().__init__()
        self._timeout = timeout
        self.headers.update({"User-Agent": "dstream", "Accept-Encoding": "identity"})
        self.auth = _as_it_is  # without one, requests would send a login of ~/.netrc in place of ours
        context = ssl.create_default_context()
        context.load_verify_locations(certifi.where())
        if ca_bundle:
            context.load_verify_locations(ca_bundle)
        self.mount("https://", _Verifying(context))

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        options["timeout"] = options.get("timeout") or self._timeout
        return super().send(request, **options)

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Where a redirection leads to, our login is left out, and none of ~/.netrc takes its place."""
        elsewhere = self.should_strip_auth(response.request.url, prepared_request.url)  # type: ignore[no-untyped-call]  # so in its stubs
        if elsewhere:
            prepared_request.headers.pop("Authorization", None)

    def merge_environment_settings(self, url: Any, proxies: Any, *others: Any) -> Any:
        host = urlsplit(url).hostname or ""
        return super().merge_environment_settings(url, {"no_proxy": host} if is_loopback(host) else proxies, *others)


class Connection(oras.provider.Registry):  # type: ignore[misc]  # oras ships no types
    """The API of `repository` at `registry`; an empty repository stands for the registry itself.

    `login` is asked only when the registry wants to know who we are. Thread-safe.
    """

    def __init__(
        self,
        session: Session,
        registry: str,
        repository: str,
        *,
        plain: bool,
        login: Callable[[], Credential | None],
    ) -> None:
        host = _HUB.get(registry, registry)
        super().__init__(hostname=host, insecure=plain)
        self.session = session
        self.auth = _Login(session, login)
        self._base = f"{self.prefix}://{host}"
        self._root = f"/v2/{repository}/" if repository else "/v2/"

    def ask(
        self, method: str, address: str, *, headers: dict[str, str] | None = None, data: bytes | None = None
    ) -> requests.Response:
        """Send one request and answer a challenge; the body of the response is still to be read, or to be closed.

        `address` is below the repository (`tags/list`), or what `follow` gave. Raises requests' exceptions.
        """
        url = self._base + (address if address.startswith("/") else self._root + address)
        # oras tries again on almost any failure, for up to two minutes. Here the caller decides on that.
        once = oras.provider.Registry.do_request.__wrapped__
        try:
            answer: requests.Response = once(self, url, method, data, dict(headers or {}), stream=True)
        except Refused as refusal:
            return refusal.answer
        return answer

    def follow(self, answer: requests.Response, link: str, **parameters: str) -> str:
        """Where `link` of `answer` leads, on this registry whatever host it names: logins go nowhere else."""
        parts = urlsplit(urljoin(answer.url, link))
        address = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return str(append_url_params(address, parameters)) if parameters else address


class _Login(oras.auth.TokenAuth):  # type: ignore[misc]  # oras ships no types
    """Answers a repository's challenges. oras' own sends passwords to whatever a Basic challenge calls its realm."""

    def __init__(self, session: Session, login: Callable[[], Credential | None]) -> None:
        super().__init__()
        self.session = session
        self._login = login

    def get_auth_header(self) -> dict[str, str]:
        return {"Authorization": str(self.token)}

    def authenticate_request(
        self,
        original: requests.Response,
        headers: dict[str, str],
        refresh: bool = False,  # noqa: ARG002  # oras' own signature
    ) -> tuple[dict[str, str], bool]:
        if original.status_code != 401:
            raise Refused(original)
        self.token = authorize(original, self._login(), self.session)
        original.close()
        return headers | self.get_auth_header(), True


class _Verifying(HTTPAdapter):
    """Verifies certificates against one set of authorities, read once."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, ssl_context=self._context)

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        return super().proxy_manager_for(*args, **options, ssl_context=self._context)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:  # noqa: ARG002  # requests' signature
        conn.cert_reqs = "CERT_REQUIRED"


def is_loopback(registry: str) -> bool:
    """Whether `registry` (`host[:port]`) is this machine."""
    host = urlsplit(f"//{registry}").hostname if not registry.startswith("::") else registry
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def speaks_tls(session: Session, registry: str) -> bool:
    """Whether a loopback registry speaks HTTPS: such a server refuses plain HTTP, or breaks it off.

    Raises requests' exceptions for one that does not answer at all.
    """
    try:
        with session.request("GET", f"http://{registry}/v2/", stream=True, allow_redirects=False) as answer:
            return answer.status_code == 400
    except requests.exceptions.ConnectTimeout:
        raise
    except requests.exceptions.ConnectionError as error:
        if "Failed to establish" in str(error):
            raise
        return True


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
