"""Azure Storage, as far as the state needs it: blobs that are leased, read whole and written whole.

The only module that knows the library. Nothing here is tried twice: whoever calls knows how long that makes sense.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError, ServiceRequestError
from azure.storage.blob import BlobClient, BlobLeaseClient, ContainerClient

from orchestrator.config.model import SharedState
from orchestrator.errors import ConfigError, UnavailableError

# The library logs every request, and a refused one is an answer here.
logging.getLogger("azure").setLevel(logging.CRITICAL)

_UNAVAILABLE = "see to the network and to the storage account; nothing was acknowledged that is not stored"
_DENIED = "see to the key in `connection_string`, to the account's firewall, and to the clock of this machine"

_MISSING = {"BlobNotFound", "ContainerNotFound"}
_CHANGED = {"BlobAlreadyExists", "ConditionNotMet", "TargetConditionNotMet"}


class Missing(Exception):
    """There is no such blob, or not even its container."""


class Changed(Exception):
    """Somebody has written the blob since it was read."""


class NotOurs(Exception):
    """The lease is somebody else's, or nobody's any more."""


class Container:
    """The container of a `state` block. Thread-safe. `timeout` is how many seconds a request may stand still."""

    def __init__(self, place: SharedState, *, timeout: float) -> None:
        """Raises `ConfigError` for a connection string that is none. Connects to nothing yet."""
        self.name = place.container
        try:
            self._client = ContainerClient.from_connection_string(
                place.connection_string,
                place.container,
                connection_timeout=timeout,
                read_timeout=timeout,
                retry_total=0,
            )
        except (ValueError, AzureError) as error:
            raise ConfigError(
                "state.connection_string",
                "`connection_string` is not one of Azure Storage",
                hint="copy it from the account's access keys: `DefaultEndpointsProtocol=https;AccountName=…`",
                where=place.where,
            ) from error

    def make(self) -> None:
        """Make the container, unless it is there."""
        with _translated():
            if not self._client.exists():
                try:
                    self._client.create_container()
                except HttpResponseError as error:
                    if _code(error) != "ContainerAlreadyExists":
                        raise

    def names(self, prefix: str) -> list[str]:
        """The blobs whose names begin so, in the order of their names. Raises as a `Blob` does."""
        with _translated():
            return sorted(self._client.list_blob_names(name_starts_with=prefix))

    def blob(self, name: str) -> Blob:
        return Blob(self._client.get_blob_client(name))

    def close(self) -> None:
        self._client.close()


class Blob:
    """One blob. Every method raises `UnavailableError` (`state.unavailable`) when the store does not answer, or not so.

    Then nobody knows whether it did what it was asked to.
    """

    def __init__(self, client: BlobClient) -> None:
        self._client = client

    def read(self) -> tuple[bytes, str]:
        """The content and its version. Raises `Missing`."""
        with _translated():
            download = self._client.download_blob()
            return download.readall(), download.properties.etag

    def create(self, content: bytes) -> None:
        """Write a blob that is not there. Raises `Changed` or `NotOurs` where it is, `Missing` without container."""
        with _translated():
            self._client.upload_blob(content, overwrite=False)

    def put(self, content: bytes) -> None:
        """Write a blob that nobody leases, whatever is there."""
        with _translated():
            self._client.upload_blob(content, overwrite=True)

    def remove(self) -> None:
        """Have it gone, also where it was not there."""
        with _translated(), suppress(ResourceNotFoundError):
            self._client.delete_blob()

    def write(self, content: bytes, *, lease: str, version: str) -> str:
        """Replace this version's content; the new version. Raises `Changed` and `NotOurs`, having written nothing."""
        with _translated():
            written = self._client.upload_blob(
                content,
                overwrite=True,
                lease=BlobLeaseClient(self._client, lease),
                etag=version,
                match_condition=MatchConditions.IfNotModified,
            )
        return str(written["etag"])

    def acquire(self, lease: str, term: float) -> None:
        """Lease the blob for `term` seconds, or anew where the lease is ours. Raises `NotOurs` and `Missing`."""
        with _translated():
            BlobLeaseClient(self._client, lease).acquire(round(term))

    def renew(self, lease: str) -> None:
        """Let the lease last another term. Raises `NotOurs`."""
        with _translated():
            BlobLeaseClient(self._client, lease).renew()

    def release(self, lease: str) -> None:
        """Let others have the blob at once. Raises `NotOurs`."""
        with _translated():
            BlobLeaseClient(self._client, lease).release()


def lease_id(*parts: str) -> str:
    """The id of the lease that is always the same for the same parts: whoever crashed gets its own lease back."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "\n".join(parts)))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except HttpResponseError as error:
        _refused(error)
    except AzureError as error:
        # The library's own words may hold an address with its signature.
        what = "cannot be reached" if isinstance(error, ServiceRequestError) else "does not answer"
        raise UnavailableError("state.unavailable", f"the shared state {what}", hint=_UNAVAILABLE) from error


def _refused(error: HttpResponseError) -> NoReturn:
    code = _code(error)
    if code in _MISSING:
        raise Missing(code) from error
    if code in _CHANGED:
        raise Changed(code) from error
    if code.startswith("Lease"):
        raise NotOurs(code) from error
    raise UnavailableError(
        "state.unavailable",
        f"the shared state refuses with `{code}`",
        hint=_DENIED if error.status_code in (401, 403) else _UNAVAILABLE,
    ) from error


def _code(error: HttpResponseError) -> str:
    """The store's own name for what is wrong, else the HTTP status."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or error.status_code)
