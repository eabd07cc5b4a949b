"""Image references: parsed, normalised and rewritten to mirrors. Pure: nothing here touches a network.

    reference := name [":" tag] ["@" digest]
    name      := [registry "/"] path
    registry  := (host | "[" IPv6 "]") [":" port]
    path      := component ("/" component)*      component: lower case, joined by ".", "_", "__" or "-"s

What names no registry means the Docker Hub, and one word there means `library/` in front, as every
container tool has it: `alpine` is `docker.io/library/alpine`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import AddressValueError, IPv6Address
from typing import TYPE_CHECKING

from orchestrator.errors import ConfigError, Where

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DEFAULT_REGISTRY = "docker.io"
DEFAULT_TAG = "latest"
_OFFICIAL = "library"
_LEGACY_REGISTRY = "index.docker.io"
_MAX_PATH = 255
_MAX_HOST = 253
_IPV6_DIGITS = frozenset("0123456789abcdefABCDEF:")

_HOST = re.compile(r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*")
_PORT = re.compile(r"[0-9]{1,5}")
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST_HEX = {"sha256": 64, "sha384": 96, "sha512": 128}
_IMAGE_ID = re.compile(r"[a-f0-9]{64}")


@dataclass(frozen=True, slots=True)
class Reference:
    """One normalised reference. `str()` of it parses to an equal one.

    `tag` is None where the text had none; see `tag_or_latest`. With a digest the tag is only a label
    for people: what is pulled is the digest.
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str, *, where: Where | None = None) -> Reference:
        """Read `text` by the grammar above. Raises `ConfigError` (`reference.invalid`) that says what is wrong."""
        try:
            return _parse(text)
        except _MalformedError as problem:
            raise _refuse(text, problem, where) from None

    @property
    def name(self) -> str:
        """`registry/repository`, without tag and digest."""
        return f"{self.registry}/{self.repository}"

    @property
    def familiar(self) -> str:
        """The shortest text that means the same, as people write it: `alpine:3.20`."""
        full = str(self)
        for prefix in (f"{DEFAULT_REGISTRY}/{_OFFICIAL}/", f"{DEFAULT_REGISTRY}/"):
            if full.startswith(prefix) and _means(full.removeprefix(prefix), self):
                return full.removeprefix(prefix)
        return full

    @property
    def tag_or_latest(self) -> str:
        return self.tag or DEFAULT_TAG

    @property
    def pinned(self) -> str:
        """`name@digest` where a digest is known, else the whole reference with its tag spelt out."""
        return f"{self.name}@{self.digest}" if self.digest else f"{self.name}:{self.tag_or_latest}"

    def with_digest(self, digest: str) -> Reference:
        """The same reference pinned to `digest` (`sha256:…`). Raises like `parse`."""
        try:
            _check_digest(digest)
        except _MalformedError as problem:
            raise _refuse(f"{self}@{digest}", problem, None) from None
        return replace(self, digest=digest)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"


def covering(reference: Reference, prefixes: Iterable[str]) -> str | None:
    """The longest of `prefixes` that covers `reference`, None where none does.

    A prefix is a registry or a registry and the start of a path (`ghcr.io/katasec`), compared by whole path segments.
    """
    fits = [prefix for prefix in prefixes if f"{reference.name}/".startswith(f"{normal_prefix(prefix)}/")]
    return max(fits, key=lambda prefix: len(normal_prefix(prefix)), default=None)


def rewrite(reference: Reference, mirrors: Mapping[str, str]) -> Reference:
    """`reference` as the mirror that covers it has it; unchanged where none does.

    The key that is `covering` wins; its value takes the key's place. Tag and digest stay.
    Raises `ConfigError` (`settings.mirror`) for a mirror that yields no valid reference.
    """
    key = covering(reference, mirrors)
    if key is None:
        return reference
    length, target = len(normal_prefix(key)), mirrors[key].strip().rstrip("/")
    tag = f":{reference.tag}" if reference.tag else ""
    digest = f"@{reference.digest}" if reference.digest else ""
    try:
        return _parse(f"{target}{reference.name[length:]}{tag}{digest}")
    except _MalformedError as problem:
        raise ConfigError(
            "settings.mirror",
            f"the mirror `{target}` for `{key}` gives no image reference: {problem}",
            hint="write a mirror as `registry[:port][/path]`, without `https://`",
        ) from None


def is_digest(text: str) -> bool:
    """Whether `text` is a digest by one of the known algorithms, in full."""
    try:
        _check_digest(text)
    except _MalformedError:
        return False
    return True


class _MalformedError(Exception):
    """What is wrong with a reference, and what to write instead."""

    def __init__(self, problem: str, hint: str = "write it as `registry/name:tag` or `registry/name@sha256:…`") -> None:
        super().__init__(problem)
        self.hint = hint


def _refuse(text: str, problem: _MalformedError, where: Where | None) -> ConfigError:
    shown = text if len(text) <= 120 else f"{text[:117]}..."
    message = f"`{shown}` is not an image reference: {problem}"
    return ConfigError("reference.invalid", message, hint=problem.hint, where=where)


def _parse(text: str) -> Reference:
    if not text:
        raise _MalformedError("it is empty")
    if text != text.strip():
        raise _MalformedError("it has white space around it", "remove the white space")
    if "://" in text:
        raise _MalformedError("it has a URL scheme", f"write it without the scheme: `{text.split('://', 1)[1]}`")
    if _IMAGE_ID.fullmatch(text):
        raise _MalformedError("it is an image id", "name the image by repository and tag, or by `name@sha256:…`")
    rest, at, digest = text.partition("@")
    if at:
        _check_digest(digest)
    name, tag = _split_tag(rest)
    registry, path = _split_registry(name)
    _check_registry(registry)
    _check_path(path)
    return Reference(registry, path, tag, digest if at else None)


def _split_tag(text: str) -> tuple[str, str | None]:
    """A colon after the last slash starts the tag; one before it belongs to the registry's port."""
    head, colon, tag = text.rpartition(":")
    if not colon or "/" in tag:
        return text, None
    if not _TAG.fullmatch(tag):
        if len(tag) > 128:
            raise _MalformedError("its tag is longer than 128 characters")
        problem = f"`{tag}` is not a tag" if tag else "its tag is empty"
        raise _MalformedError(problem, "a tag has letters, digits, `_`, `.`, `-`, and starts with none of the last two")
    return head, tag


def _split_registry(name: str) -> tuple[str, str]:
    first, slash, path = name.partition("/")
    if not slash or not _names_registry(first):
        first, path = DEFAULT_REGISTRY, name
    elif first == _LEGACY_REGISTRY:
        first = DEFAULT_REGISTRY
    if first == DEFAULT_REGISTRY and "/" not in path:
        path = f"{_OFFICIAL}/{path}"
    return first, path


def _names_registry(first: str) -> bool:
    """A first segment is a registry if it looks like a host: a dot, a colon, upper case, or `localhost`."""
    return "." in first or ":" in first or first == "localhost" or first != first.lower()


def _check_registry(registry: str) -> None:
    if registry.startswith("["):
        address, bracket, port = registry[1:].partition("]")
        try:
            IPv6Address(address)
        except AddressValueError:
            raise _MalformedError(f"`{registry}` is not an IPv6 address in brackets") from None
        if not bracket or not set(address) <= _IPV6_DIGITS or (port and not port.startswith(":")):
            raise _MalformedError(f"`{registry}` is not an IPv6 address in brackets")
        port_colon, port = port[:1], port[1:]
    else:
        host, port_colon, port = registry.partition(":")
        if len(host) > _MAX_HOST or not _HOST.fullmatch(host):
            raise _MalformedError(f"`{host[:40]}` is not a registry's host name")
    if port_colon and not (_PORT.fullmatch(port) and int(port) <= 65535):
        raise _MalformedError(f"`{port}` is not a port")


def _check_path(path: str) -> None:
    if len(path) > _MAX_PATH:
        raise _MalformedError(f"its repository name is longer than {_MAX_PATH} characters")
    for component in path.split("/"):
        if _COMPONENT.fullmatch(component):
            continue
        if component != component.lower() and _COMPONENT.fullmatch(component.lower()):
            raise _MalformedError(f"the repository name `{component}` has upper case", f"write `{component.lower()}`")
        raise _MalformedError(
            f"`{component}` is not a repository name" if component else "a part of its repository name is empty",
            "a name has lower-case letters and digits, with single `.` or `_`, `__` or `-` between them",
        )


def _check_digest(digest: str) -> None:
    algorithm, colon, value = digest.partition(":")
    length = _DIGEST_HEX.get(algorithm)
    if not colon or length is None:
        raise _MalformedError(f"`{digest}` is not a digest", "a digest is `sha256:` and 64 hexadecimal digits")
    if len(value) != length or not re.fullmatch(r"[a-f0-9]+", value):
        raise _MalformedError(f"a {algorithm} digest has {length} lower-case hexadecimal digits, this one is `{value}`")


def _means(text: str, reference: Reference) -> bool:
    try:
        return _parse(text) == reference
    except _MalformedError:
        return False


def normal_prefix(key: str) -> str:
    """`key`, a prefix of references as people write it, as the start of a `Reference.name`."""
    prefix = key.strip().rstrip("/")
    first, _, rest = prefix.partition("/")
    if not _names_registry(first):
        return f"{DEFAULT_REGISTRY}/{prefix}"
    if first == _LEGACY_REGISTRY:
        return f"{DEFAULT_REGISTRY}/{rest}" if rest else DEFAULT_REGISTRY
    return prefix
