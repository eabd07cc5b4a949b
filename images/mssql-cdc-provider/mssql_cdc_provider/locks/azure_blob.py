"""A lock as a lease on a blob of Azure Storage. The only module that knows the library."""

from __future__ import annotations

import json
import logging
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError
from azure.storage.blob import BlobClient, BlobLeaseClient, ContainerClient

from dstream_sdk import ProviderError
from mssql_cdc_provider.locks.lock import Lost, Taken, Unreachable

# The library logs every request, and a refused one is an answer here.
logging.getLogger("azure").setLevel(logging.CRITICAL)


class BlobLocks:
    """Makes the locks of one container; `term_s` is how long each outlives a holder that stops answering.

    The container is made with the first lock that needs it. Thread-safe.
    """

    def __init__(self, connection_string: str, container: str, term_s: float) -> None:
        """Raises `ProviderError` for a connection string that is none. Connects to nothing yet."""
        patience = term_s / 6  # twice, connecting and answering, fits between a renewal and its deadline
        try:
            self._container = ContainerClient.from_connection_string(
                connection_string, container, connection_timeout=patience, read_timeout=patience, retry_total=0
            )
        except (ValueError, AzureError) as error:
            raise ProviderError(
                "the lock's `connection_string` is not one of Azure Storage",
                hint="copy it from the account's access keys: `DefaultEndpointsProtocol=https;AccountName=…`",
            ) from error
        self._term = term_s

    def lock(self, name: str) -> BlobLock:
        return BlobLock(self._container, name, self._term)

    def close(self) -> None:
        self._container.close()


class BlobLock:
    """See `Lock`. The blob says who took it last and how often it was taken."""

    settles_s = 0.0

    def __init__(self, container: ContainerClient, name: str, term_s: float) -> None:
        self.name = name
        self.renew_every_s = term_s / 3
        self.sure_for_s = term_s * 2 / 3
        self._container = container
        self._blob: BlobClient = container.get_blob_client(f"{name}.lock")
        self._lease = BlobLeaseClient(self._blob, str(uuid.uuid4()))
        self._term = round(term_s)

    def acquire(self) -> int:
        with _translated():
            try:
                self._lease.acquire(self._term)
            except HttpResponseError as error:
                if _code(error) not in ("BlobNotFound", "ContainerNotFound"):
                    raise
                self._make()
                self._lease.acquire(self._term)
        try:
            with _translated():
                epoch = int(self._note().get("epoch", 0)) + 1
                note = {"epoch": epoch, "host": socket.gethostname(), "since": time.time()}
                self._blob.upload_blob(json.dumps(note).encode(), overwrite=True, lease=self._lease)
        except BaseException:
            self.release()
            raise
        return epoch

    def renew(self) -> None:
        try:
            with _translated():
                self._lease.renew()
        except Taken as taken:
            raise Lost(str(taken)) from taken

    def release(self) -> None:
        lease = self._lease
        self._lease = BlobLeaseClient(self._blob, str(uuid.uuid4()))  # a lease is never the same twice
        with suppress(AzureError):
            lease.release()

    def look(self) -> str:
        with _translated():
            try:
                self._lease.acquire(self._term)
            except HttpResponseError as error:
                code = _code(error)
                if code == "LeaseAlreadyPresent":
                    return f"is held by {self._holder()}"
                if code not in ("BlobNotFound", "ContainerNotFound"):
                    raise
                return "is free; the first run makes its blob"
        self.release()
        return "is free"

    def _holder(self) -> str:
        note = self._note()
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(note["since"])) if "since" in note else "?"
        return f"`{note.get('host', '?')}` since {since}"

    def _make(self) -> None:
        if not self._container.exists():
            with _unless("ContainerAlreadyExists"):
                self._container.create_container()
        with _unless("BlobAlreadyExists", "LeaseIdMissing"):
            self._blob.upload_blob(b"{}", overwrite=False)

    def _note(self) -> dict[str, Any]:
        try:
            note = json.loads(self._blob.download_blob().readall() or b"{}")
        except ValueError:
            return {}  # the original's lock blobs hold no text of ours
        return note if isinstance(note, dict) else {}


@contextmanager
def _unless(*codes: str) -> Iterator[None]:
    try:
        yield
    except HttpResponseError as error:
        if _code(error) not in codes:
            raise


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except HttpResponseError as error:
        code = _code(error)
        if code.startswith("Lease"):
            raise Taken(code) from error
        if error.status_code in (401, 403):
            raise ProviderError(
                f"the lock's storage account refuses with `{code}`",
                hint="see to the key in `lock_config`, to the account's firewall, and to the clock of this machine",
            ) from error
        raise Unreachable(code) from error
    except AzureError as error:
        # The library's own words may hold an address with its signature.
        raise Unreachable(f"the lock's storage account does not answer ({type(error).__name__})") from error


def _code(error: HttpResponseError) -> str:
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or error.status_code)
