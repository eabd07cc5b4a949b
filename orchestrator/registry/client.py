"""A registry's API: what a reference means, its manifests, blobs, tags and referrers, read and written."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Self

from requests import Response

from orchestrator.errors import ConfigError, UnavailableError, Where
from orchestrator.registry.manifest import MANIFEST_TYPES, OCI_INDEX, OCI_MANIFEST, Descriptor, Manifest, digest_of
from orchestrator.registry.reference import Reference, is_digest
from orchestrator.registry.wire.answers import wrong_digest
from orchestrator.registry.wire.credentials import Credentials
from orchestrator.registry.wire.listing import body_of, listed
from orchestrator.registry.wire.transfer import fetch
from orchestrator.registry.wire.transport import Transport

MANIFEST_LIMIT = 4 << 20
"""The largest manifest, config or description that is read into memory, in bytes."""
_ACCEPT = {"Accept": ", ".join(MANIFEST_TYPES)}


class RegistryClient:
    """Registries, with the user's credentials, mirrors and certificate authorities.

    Takes and reports references as the user wrote them, and applies mirrors itself. Connects at the first use.
    Thread-safe: one client serves all threads. Every method blocks: an answer may take `timeout` seconds from
    one byte to the next, and what fails in passing (429, 5xx, a broken connection) is tried again up to four
    times within `deadline` seconds; a transfer that gets on starts that count anew. Raises `ConfigError`
    (`image.not_found`, `manifest.digest`, `blob.digest`) and `UnavailableError` (`image.unauthorized`,
    `registry.*`, `manifest.invalid`, `blob.truncated`), which name the reference; the place in a file is the
    caller's to add.
    """

    def __init__(
        self,
        *,
        mirrors: Mapping[str, str] | None = None,
        insecure: Iterable[str] = (),
        ca_bundle: str | None = None,
        registry_auth: Mapping[str, str] | None = None,
        timeout: float = 20.0,
        deadline: float = 60.0,
    ) -> None:
        """`insecure` are registries asked over plain HTTP; `registry_auth` maps registries to `user:password`.

        Raises `ConfigError` (`config.settings`) for a `ca_bundle` that cannot be read.
        """
        self._transport = Transport(
            mirrors or {},
            frozenset(insecure),
            ca_bundle,
            Credentials(registry_auth),
            timeout=timeout,
            deadline=deadline,
        )

    def resolve(self, reference: Reference) -> Descriptor:
        """What `reference` means now (for a tag, the digest it points to), without transferring it."""

        def read(answer: Response) -> Descriptor | None:
            digest, size = _digest_in(answer), answer.headers.get("Content-Length", "")
            if answer.status_code != 200 or digest is None or not size.isdecimal():
                return None
            if asked.target.digest not in (None, digest):
                raise wrong_digest("manifest.digest", asked, str(asked.target.digest), f"`{digest}`")
            return Descriptor(answer.headers.get("Content-Type", OCI_MANIFEST), digest, int(size))

        asked = self._transport.asked(reference)
        # Not every registry answers HEAD in full, but all serve the manifest itself.
        found = self._transport.ask(asked, "HEAD", _manifest_of(asked.target), read, headers=_ACCEPT, expected=(405,))
        return found or self.manifest(reference).descriptor

    def manifest(self, reference: Reference) -> Manifest:
        """The manifest or index behind `reference`, its digest checked (`manifest.digest`)."""

        def read(answer: Response) -> Manifest:
            raw = body_of(answer, MANIFEST_LIMIT, asked)
            expected = asked.target.digest or _digest_in(answer)
            if expected and (found := digest_of(raw, like=expected)) != expected:
                raise wrong_digest("manifest.digest", asked, expected, f"`{found}`")
            return Manifest.parse(reference, raw, answer.headers.get("Content-Type", "").partition(";")[0])

        asked = self._transport.asked(reference)
        return self._transport.ask(asked, "GET", _manifest_of(asked.target), read, headers=_ACCEPT)

    def blob(self, reference: Reference, descriptor: Descriptor, *, limit: int = MANIFEST_LIMIT) -> bytes:
        """A small blob of the repository of `reference`, its digest checked (`blob.digest`).

        Raises `UnavailableError` (`blob.size`) for one of more than `limit` bytes, before it is transferred.
        """
        if descriptor.size > limit:
            message = f"a part of `{reference.familiar}` has {descriptor.size:,} bytes; at most {limit:,} are read"
            raise UnavailableError("blob.size", message, where=Where(image=str(reference)))
        file = BytesIO()
        fetch(self._transport, self._transport.asked(reference), descriptor, file)
        return file.getvalue()

    def download(
        self,
        reference: Reference,
        descriptor: Descriptor,
        path: Path,
        on_progress: Callable[[int], None] | None = None,
    ) -> None:
        """A blob of any size to `path`, which either holds exactly that blob afterwards or is as it was.

        A transfer that breaks off goes on where it stopped, or starts again where the registry cannot do that.
        `on_progress` is called from here with the bytes that are there; what it raises ends the transfer.
        Raises `OSError` for what the disk cannot take.
        """
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".download-", delete=False) as file:
            part = Path(file.name)
            try:
                fetch(self._transport, self._transport.asked(reference), descriptor, file, on_progress)
                file.flush()
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)

    def tags(self, reference: Reference) -> list[str]:
        """Every tag of the repository of `reference`."""
        return [
            str(tag) for tag in listed(self._transport, self._transport.asked(reference), "tags/list", "tags") or ()
        ]

    def repositories(self, registry: str) -> list[str]:
        """Every repository of `registry`, or of a namespace in it (`ghcr.io/katasec`), as a path in the registry.

        Raises `UnavailableError` (`registry.no_listing`) where the registry does not tell.
        """
        asked = self._transport.asked(Reference.parse(f"{registry}/any"), "its repositories")
        above, below = (each.repository.removesuffix("any") for each in (asked.reference, asked.target))
        names = listed(self._transport, asked, "/v2/_catalog", "repositories", unlisted=(401, 403, 404, 405))
        if names is None:
            message = f"{registry} does not list its repositories"
            hint = f"log in to {registry} if it lists them to its users, or name a catalog instead"
            raise UnavailableError("registry.no_listing", message, hint=hint)
        return [above + name.removeprefix(below) for name in map(str, names) if name.startswith(below)]

    def moment(self, registry: str) -> float | None:
        """The registry's own clock as its answer tells it: Unix time, in whole seconds; None where it does not."""

        def read(answer: Response) -> float | None:
            try:
                return parsedate_to_datetime(answer.headers.get("Date", "")).timestamp()
            except ValueError:
                return None

        asked = self._transport.asked(Reference.parse(f"{registry}/any"), "the time")
        return self._transport.ask(asked, "GET", "/v2/", read, expected=(401, 403, 404))

    def referrers(self, reference: Reference, artifact_type: str | None = None) -> list[Descriptor]:
        """What was attached to the digest of `reference`: by the referrers API, or by its fallback tag.

        Raises `ValueError` for a reference without a digest.
        """
        if reference.digest is None:
            raise ValueError(f"{reference} has no digest")
        asked = self._transport.asked(reference)
        entries = listed(self._transport, asked, f"referrers/{reference.digest}", "manifests", unlisted=(400, 404, 405))
        if entries is None:
            try:
                index = self.manifest(replace(reference, tag=reference.digest.replace(":", "-"), digest=None))
            except ConfigError as error:
                if error.code != "image.not_found":
                    raise
                return []
            found = index.manifests
        else:
            document = {"mediaType": OCI_INDEX, "manifests": entries}
            found = Manifest.parse(reference, json.dumps(document).encode()).manifests
        return [entry for entry in found if artifact_type in (None, entry.artifact_type)]

    def push_blob(self, reference: Reference, content: bytes, media_type: str) -> Descriptor:
        """Put `content` into the repository of `reference`; nothing is sent if it is there."""
        asked = self._transport.asked(reference)
        descriptor = Descriptor(media_type, digest_of(content), len(content))

        def there(answer: Response) -> bool:
            return answer.status_code == 200

        def begun(answer: Response) -> str:
            link = answer.headers.get("Location", "")
            return self._transport.follow(asked, answer, link, digest=descriptor.digest)

        if not self._transport.ask(asked, "HEAD", f"blobs/{descriptor.digest}", there, expected=(404,)):
            session = self._transport.ask(asked, "POST", "blobs/uploads/", begun)
            self._transport.ask(
                asked, "PUT", session, _done, headers={"Content-Type": "application/octet-stream"}, data=content
            )
        return descriptor

    def push_manifest(
        self, reference: Reference, document: Mapping[str, Any], media_type: str = OCI_MANIFEST
    ) -> Descriptor:
        """Put a manifest or an index under the tag (or digest) of `reference`; its blobs must be there.

        `mediaType` and `schemaVersion` are filled in.
        """
        raw = json.dumps({"schemaVersion": 2, "mediaType": media_type} | dict(document)).encode()
        manifest = Manifest.parse(replace(reference, digest=None), raw)
        if reference.digest not in (None, manifest.digest):
            asked = self._transport.asked(reference)
            raise wrong_digest("manifest.digest", asked, str(reference.digest), f"`{manifest.digest}`")
        self._put(reference, manifest)
        return manifest.descriptor

    def tag(self, reference: Reference, tag: str) -> None:
        """Let `tag` mean what `reference` means: the same manifest or index, byte for byte."""
        self._put(replace(reference, tag=tag, digest=None), self.manifest(reference))

    def _put(self, reference: Reference, manifest: Manifest) -> None:
        asked = self._transport.asked(reference)
        headers = {"Content-Type": manifest.media_type}
        self._transport.ask(asked, "PUT", _manifest_of(asked.target), _done, headers=headers, data=manifest.raw)

    def close(self) -> None:
        """Give up every connection; what is still going on in other threads ends soon. Idempotent."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _manifest_of(target: Reference) -> str:
    return f"manifests/{target.digest or target.tag_or_latest}"


def _digest_in(answer: Response) -> str | None:
    """The digest that the registry names, if it is one."""
    named = answer.headers.get("Docker-Content-Digest", "")
    return named if is_digest(named) else None


def _done(answer: Response) -> None:
    """The status said it all."""
