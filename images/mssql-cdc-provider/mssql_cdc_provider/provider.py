"""SQL Server change data capture as an input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from dstream_sdk import Checkpoint, Context, Envelope, Finding, InfrastructureProvider, InputProvider, Stream
from dstream_sdk.protocol.messages import LifecycleReply
from mssql_cdc_provider import __version__
from mssql_cdc_provider.config import MssqlCdcConfig


class MssqlCdc(InputProvider[MssqlCdcConfig], InfrastructureProvider[MssqlCdcConfig]):
    name = "mssql-cdc-provider"
    version = __version__
    title = "SQL Server CDC"
    description = "Every committed change of SQL Server tables, in commit order, through change data capture."
    system = "SQL Server"
    checkpoints: ClassVar[bool] = True
    network: ClassVar[Sequence[str]] = ("*:1433",)

    def read(self, context: Context) -> Iterator[Envelope | Checkpoint]:
        raise NotImplementedError

    def check(self) -> Iterable[Finding]:
        raise NotImplementedError

    def discover(self) -> Iterable[Stream]:
        raise NotImplementedError

    def init(self) -> LifecycleReply:
        raise NotImplementedError

    def plan(self) -> LifecycleReply:
        raise NotImplementedError

    def status(self) -> LifecycleReply:
        raise NotImplementedError

    def destroy(self) -> LifecycleReply:
        raise NotImplementedError
