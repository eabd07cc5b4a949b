"""A blob on its way: how much of it is there, whether that can go on, and whether it is the right one at the end."""

from __future__ import annotations

import hashlib
import re
from typing import IO, TYPE_CHECKING

from orchestrator.registry.wire.answers import Passing, blob_missing, truncated, wrong_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from requests import Response

    from orchestrator.registry.manifest import Descriptor
    from orchestrator.registry.wire.answers import Asked
    from orchestrator.registry.wire.transport import Transport

_CHUNK = 64 << 10
_FROM = re.compile(r"bytes (\d+)-")


def fetch(
    transport: Transport,
    asked: Asked,
    descriptor: Descriptor,
    file: IO[bytes],
    on_progress: Callable[[int], None] | None = None,
) -> None:
    """The content of `descriptor` into the empty `file`, over as many answers as it takes while it gets on.

    Raises what `Transport` does, `ConfigError` (`blob.digest`) and `UnavailableError` (`blob.not_found`,
    `blob.truncated`).
    """
    transfer = _Transfer(descriptor, file)

    def read(answer: Response) -> None:
        if answer.status_code == 404:
            raise blob_missing(asked, descriptor.digest)
        if answer.status_code == 416:  # this registry sends no parts
            transfer.restart()
            return
        transfer.begin(answer)
        for done in transfer.take(answer):
            transport.check_open(asked)
            if on_progress is not None:
                on_progress(done)

    def once() -> None:
        """One answer's worth. It is a failed try only if it got no further than those before."""
        before = transfer.furthest
        try:
            address = f"blobs/{descriptor.digest}"
            transport.once(asked, "GET", address, read, headers=transfer.headers, expected=(404, 416))
        except Passing:
            if transfer.furthest <= before:
                raise
        else:
            if not transfer.complete and transfer.furthest <= before:
                raise truncated(asked, descriptor.digest, transfer.done, descriptor.size)

    try:
        while not transfer.complete:
            transport.tried(once)
        transfer.check()
    except _WrongContentError as wrong:
        raise wrong_digest("blob.digest", asked, descriptor.digest, str(wrong)) from wrong


class _WrongContentError(Exception):
    """What came is not what the digest says."""


class _Transfer:
    """Collects `descriptor`'s content in `file`, over as many answers as it takes. `done` bytes are there."""

    def __init__(self, descriptor: Descriptor, file: IO[bytes]) -> None:
        self.done = 0
        self.furthest = 0
        self._descriptor = descriptor
        self._algorithm, _, self._digest = descriptor.digest.partition(":")
        self._hash = hashlib.new(self._algorithm)
        self._file = file

    @property
    def complete(self) -> bool:
        return self.done == self._descriptor.size

    @property
    def headers(self) -> dict[str, str]:
        """What to ask with, so that the registry sends only the rest."""
        return {"Range": f"bytes={self.done}-"} if self.done else {}

    def begin(self, answer: Response) -> None:
        """Place what `answer` brings after what is there, or at the start where it brings everything."""
        start = _FROM.match(answer.headers.get("Content-Range", "")) if answer.status_code == 206 else None
        if self.done and (start is None or int(start[1]) != self.done):
            self.restart()

    def restart(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._hash = hashlib.new(self._algorithm)
        self.done = 0

    def take(self, answer: Response) -> Iterator[int]:
        """Write the body of `answer` part by part, and say after each how much is there.

        Raises requests' exceptions where it breaks off, and `_WrongContentError` for too much of it.
        """
        for chunk in answer.iter_content(_CHUNK):
            self.done += len(chunk)
            if self.done > self._descriptor.size:
                raise _WrongContentError(f"more than the {self._descriptor.size} bytes that were announced")
            self._file.write(chunk)
            self._hash.update(chunk)
            self.furthest = max(self.furthest, self.done)
            yield self.done

    def check(self) -> None:
        """Raises `_WrongContentError` unless the complete content has its digest."""
        found = self._hash.hexdigest()
        if found != self._digest:
            raise _WrongContentError(f"`{self._algorithm}:{found}`")
