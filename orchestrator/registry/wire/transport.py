"""Requests to registries: by mirror and protocol, as the user that one is there, and again where it helps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

from requests import RequestException, Response
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential, wait_random
from tenacity.nap import sleep_using_event
from tenacity.stop import stop_after_attempt, stop_before_delay, stop_when_event_set
from urllib3.exceptions import HTTPError

from orchestrator.errors import ConfigError, Where
from orchestrator.registry.reference import Reference, rewrite
from orchestrator.registry.wire.answers import Asked, Passing, given_up, refused, unanswered
from orchestrator.registry.wire.connection import Connection, Session, is_loopback, speaks_tls
from orchestrator.registry.wire.credentials import Credential, Credentials

_TRIES = 5
_BACKOFF = wait_exponential(multiplier=0.2, max=5.0) + wait_random(0, 0.2)

T = TypeVar("T")


class Transport:
    """Asks any number of registries. Thread-safe; blocks as `RegistryClient` says, and raises its errors."""

    def __init__(
        self,
        mirrors: Mapping[str, str],
        insecure: frozenset[str],
        ca_bundle: str | None,
        credentials: Credentials,
        *,
        timeout: float,
        deadline: float,
    ) -> None:
        self._mirrors = mirrors
        self._insecure = insecure
        self._credentials = credentials
        self._deadline = deadline
        try:
            self._session = Session(timeout, ca_bundle)
        except OSError as error:
            message = f"`ca_bundle`: the certificates cannot be read: {error.strerror or error}"
            raise ConfigError("config.settings", message, where=Where(file=ca_bundle)) from error
        self._connecting = threading.Lock()
        self._plain: dict[str, bool] = {}
        self._connections: dict[tuple[str, str], Connection] = {}
        self._logging_in = threading.Lock()
        self._logins: dict[str, Credential | None] = {}
        self._answering: set[str] = set()
        self._closed = threading.Event()

    def asked(self, reference: Reference, what: str | None = None) -> Asked:
        """`reference` with what it is after mirrors."""
        return Asked(reference, rewrite(reference, self._mirrors), what)

    def ask(
        self,
        asked: Asked,
        method: str,
        address: str,
        use: Callable[[Response], T],
        *,
        headers: dict[str, str] | None = None,
        data: bytes | None = None,
        expected: tuple[int, ...] = (),
    ) -> T:
        """What `use` makes of the answer, whose status is below 400 or one of `expected`. `use` may be called again.

        `address` is below the repository (`tags/list`), or one that `follow` gave.
        """
        return self.tried(lambda: self.once(asked, method, address, use, headers=headers, data=data, expected=expected))

    def once(
        self,
        asked: Asked,
        method: str,
        address: str,
        use: Callable[[Response], T],
        *,
        headers: dict[str, str] | None = None,
        data: bytes | None = None,
        expected: tuple[int, ...] = (),
    ) -> T:
        """As `ask`, with a single try. Raises `Passing` for what another might mend."""
        self.check_open(asked)
        registry = asked.target.registry
        try:
            with self._connection(asked).ask(method, address, headers=headers, data=data) as answer:
                self._answering.add(registry)
                if answer.status_code >= 400 and answer.status_code not in expected:
                    raise refused(answer, asked)
                return use(answer)
        except (RequestException, HTTPError) as error:  # the second for names that are none
            raise unanswered(error, asked, known=registry in self._answering) from error

    def tried(self, once: Callable[[], T]) -> T:
        """What `once` returns, called again after each `Passing` while there is hope."""
        tries = Retrying(
            retry=retry_if_exception_type(Passing),
            wait=_pause,
            stop=stop_after_attempt(_TRIES) | stop_before_delay(self._deadline) | stop_when_event_set(self._closed),
            sleep=sleep_using_event(self._closed),
            reraise=True,
        )
        try:
            return tries(once)
        except Passing as passing:
            raise passing.error from passing.__cause__

    def follow(self, asked: Asked, answer: Response, link: str, **parameters: str) -> str:
        """The address that `link` of `answer` leads to; it stays on the registry of `asked`."""
        return self._connection(asked).follow(answer, link, **parameters)

    def check_open(self, asked: Asked) -> None:
        """Raises `UnavailableError` (`registry.closed`) after `close`."""
        if self._closed.is_set():
            raise given_up(asked)

    def close(self) -> None:
        """Let nothing more be asked; whoever waits is woken. Idempotent."""
        self._closed.set()
        self._session.close()

    def _connection(self, asked: Asked) -> Connection:
        """The one for the repository of `asked`. May ask a loopback registry which protocol it speaks."""
        registry, repository = asked.target.registry, asked.target.repository
        with self._connecting:
            if registry not in self._plain:
                insecure = registry in self._insecure
                self._plain[registry] = insecure or (is_loopback(registry) and not speaks_tls(self._session, registry))
            key = (registry, repository)
            if key not in self._connections:
                plain = self._plain[registry]
                self._connections[key] = Connection(
                    self._session, registry, repository, plain=plain, login=lambda: self._login(registry)
                )
            return self._connections[key]

    def _login(self, registry: str) -> Credential | None:
        """Found once for each registry: a helper may ask the user."""
        with self._logging_in:
            if registry not in self._logins:
                self._logins[registry] = self._credentials.find(registry)
            return self._logins[registry]


def _pause(state: RetryCallState) -> float:
    """What the registry asks for, else a little more each time."""
    failure = state.outcome.exception() if state.outcome else None
    wait = failure.wait if isinstance(failure, Passing) else None
    return _BACKOFF(state) if wait is None else wait
