"""What a registry answers when it does not serve, or that it does not answer, as an error that says what to do."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import requests
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from orchestrator.errors import ConfigError, DstreamError, UnavailableError, Where
from orchestrator.registry.refusals import not_found

if TYPE_CHECKING:
    from orchestrator.registry.reference import Reference

_WORDS_LIMIT = 16 << 10
_BREAKS = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,
)
_PLAIN_HTTP = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL")


class Passing(Exception):
    """A failure that may be over at the next try; `error` is what to raise when it is not.

    `wait` is how many seconds the registry asks to wait, None where it does not say.
    """

    def __init__(self, error: DstreamError, wait: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: as the user wrote it, and as it is after mirrors. `what` is not a reference's own content."""

    reference: Reference
    target: Reference
    what: str | None = None

    @property
    def shown(self) -> str:
        if self.what:
            return self.what
        mirrored = "" if self.reference.name == self.target.name else f" (as `{self.target}`)"
        return f"`{self.reference.familiar}`{mirrored}"

    @property
    def where(self) -> Where:
        return Where(image=None if self.what else str(self.reference))


def refused(answer: requests.Response, asked: Asked) -> DstreamError | Passing:
    """The error for an `answer` of status 400 or more, whose body nobody has read."""
    registry, status = asked.target.registry, answer.status_code
    words = _words(answer)
    if status == 404:
        return not_found(asked.shown, asked.target, words.lower(), asked.where)
    if status in (401, 403):
        hint = f"log in with `docker login {registry}`, or set `DSTREAM_REGISTRY_AUTH`, as a user who may do that"
        message = f"{registry} refuses access to {asked.shown}: {words}"
        return UnavailableError("image.unauthorized", message, hint=hint, where=asked.where)
    wait = _retry_after(answer)
    if status == 429:
        message = f"{registry} limits how often it is asked for {asked.shown}: {words}"
        message += f"; it asks to wait {wait:g} s" if wait else ""
        hint = f"wait, or log in to {registry} with `docker login`, or use a mirror"
        return Passing(UnavailableError("registry.rate_limit", message, hint=hint, where=asked.where), wait)
    message = f"{registry} fails to serve {asked.shown}: HTTP status {status}: {words}"
    if status >= 500:
        hint = "try again later; the registry's own log says more"
        return Passing(UnavailableError("registry.failed", message, hint=hint, where=asked.where), wait)
    return UnavailableError("registry.refused", message, hint="the registry's own log says more", where=asked.where)


def unanswered(error: Exception, asked: Asked, *, known: bool) -> DstreamError | Passing:
    """The error for an exception of the HTTP client.

    No connection to a registry that is not `known`, for it has never answered, is not tried again: it is more
    likely to be misspelt or switched off than to come back.
    """
    registry = asked.target.registry
    innermost = _innermost(error)
    words = getattr(innermost, "strerror", None) or str(innermost) or type(innermost).__name__
    message = f"the registry {registry} cannot be asked for {asked.shown}: {words}"
    if isinstance(innermost, ssl.SSLError) and any(name in str(innermost) for name in _PLAIN_HTTP):
        hint = f'it speaks plain HTTP: allow that with `insecure_registries = ["{registry}"]` in the settings'
        return UnavailableError("registry.tls", message, hint=hint, where=asked.where)
    if isinstance(innermost, ssl.SSLCertVerificationError):
        message = f"the certificate of {registry} is not trusted: {innermost.verify_message or words}"
        hint = "name the file of its certificate authority with the setting `ca_bundle`"
        return UnavailableError("registry.tls", message, hint=hint, where=asked.where)
    if isinstance(error, requests.exceptions.ProxyError):
        hint = "check `HTTPS_PROXY`, or list the registry in `NO_PROXY`"
    else:
        hint = "check the registry's name, that it runs, and the network and proxy settings"
    unreachable = UnavailableError("registry.unreachable", message, hint=hint, where=asked.where)
    hope = isinstance(error, _BREAKS) and (known or not _unconnected(error))
    return Passing(unreachable) if hope else unreachable


def truncated(asked: Asked, digest: str, done: int, size: int) -> Passing:
    """The answer ended well, but too early."""
    message = f"{asked.target.registry} sent {done:,} of {size:,} bytes of `{digest}` for {asked.shown}"
    hint = "try again; if it stays so, the registry's storage is damaged"
    return Passing(UnavailableError("blob.truncated", message, hint=hint, where=asked.where))


def blob_missing(asked: Asked, digest: str) -> DstreamError:
    """The manifest names content that the registry does not have."""
    message = f"{asked.target.registry} does not have `{digest}`, which is a part of {asked.shown}"
    return UnavailableError("blob.not_found", message, hint="push it again: a part was deleted", where=asked.where)


def odd_answer(asked: Asked, what: str) -> DstreamError:
    """No registry answers so."""
    message = f"{asked.target.registry}, asked for {asked.shown}, sent {what}"
    hint = "see that the name is a registry's, and that no proxy answers in its place"
    return UnavailableError("registry.invalid", message, hint=hint, where=asked.where)


def given_up(asked: Asked) -> DstreamError:
    """We ended it ourselves."""
    return UnavailableError("registry.closed", f"{asked.target.registry} is no longer asked for {asked.shown}")


def wrong_digest(code: str, asked: Asked, digest: str, found: str) -> DstreamError:
    """The content is not what was asked for. `found` is its digest, or what else is wrong with it."""
    message = f"{asked.target.registry} sent other content than `{digest}` for {asked.shown}: {found}"
    hint = "do not use it: the registry or a proxy before it changes or damages content"
    return ConfigError(code, message, hint=hint, where=asked.where)


def _words(answer: requests.Response) -> str:
    """What the registry says in its answer, else what the status means."""
    meaning = answer.reason or f"HTTP status {answer.status_code}"
    try:
        said = json.loads(next(answer.iter_content(_WORDS_LIMIT), b""))
        problems = said["errors"]
        words = "; ".join(str(problem.get("message") or problem.get("code")) for problem in problems)
    except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError):
        return meaning
    return words or meaning


def _retry_after(answer: requests.Response) -> float | None:
    """Seconds, which the header gives as such or as a date."""
    text = answer.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _unconnected(error: BaseException) -> bool:
    return any(isinstance(one, ConnectTimeoutError | NewConnectionError) for one in _chain(error))


def _innermost(error: BaseException) -> BaseException:
    """The operating system's or the TLS library's own error, below those of the HTTP client."""
    return _chain(error)[-1]


def _chain(error: BaseException) -> list[BaseException]:
    seen = [error]
    while (below := _below(seen[-1])) is not None and below not in seen:
        seen.append(below)
    return seen


def _below(error: BaseException) -> BaseException | None:
    if not isinstance(error, requests.RequestException | HTTPError):
        return None
    inner = error.__cause__ or getattr(error, "reason", None) or error.__context__
    if inner is None:
        inner = next((part for part in error.args if isinstance(part, BaseException)), None)
    return inner if isinstance(inner, BaseException) else None
