"""A stand-in for Azure Storage on a loopback port: Azurite, blobs only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from tests.servers.script import run_script, server_name

if TYPE_CHECKING:
    from types import TracebackType

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""No secret: every Azurite's, from its documentation."""


class Azurite:
    """`with Azurite() as azurite`. What is stored is forgotten when it stops."""

    def __init__(self, suffix: str = "") -> None:
        self.address = ""
        self._name = ["--name", server_name(suffix)]

    def start(self) -> Self:
        self.address = run_script("azurite", "start", *self._name)
        return self

    def stop(self) -> None:
        run_script("azurite", "stop", *self._name)

    @property
    def connection_string(self) -> str:
        return connection_string(self.address)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def connection_string(address: str, key: str = KEY) -> str:
    """How to reach the Azurite behind `address`, host:port."""
    endpoint = f"http://{address}/{ACCOUNT}"
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};BlobEndpoint={endpoint};"
