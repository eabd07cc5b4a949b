"""What the SQL Server input can be told."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import Any, Literal, Self

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator

from dstream_sdk import Config
from dstream_sdk.durations import Seconds
from mssql_cdc_provider.connection_string import Driver, Target, parse
from mssql_cdc_provider.names import Pattern

SnapshotMode = Literal["initial", "initial_only", "no_data", "always", "when_needed"]
Operation = Literal["insert", "update", "delete"]


class SnapshotConfig(Config):
    """How the rows that are there already come to be read."""

    mode: SnapshotMode = Field(
        default="initial",
        description="When to read the rows that exist: at a task's first start (`initial`), then and nothing after it "
        "(`initial_only`), never (`no_data`: changes from now on), at every start (`always`), or at the first start "
        "and when the stored position is no longer served (`when_needed`).",
        examples=["no_data"],
    )
    isolation: Literal["auto", "snapshot", "watermark"] = Field(
        default="auto",
        description="How the rows fit the changes: under snapshot isolation, which the database must allow, or range "
        "by range between two positions of the log. `auto` takes the first that the database allows.",
        examples=["watermark"],
    )
    parallelism: int = Field(
        default=4,
        ge=1,
        le=32,
        description="Connections that read at the same time, over tables and ranges of keys.",
        examples=[8],
    )
    page_rows: int = Field(
        default=10_000, ge=1, le=1_000_000, description="Rows that one query reads at most.", examples=[2000]
    )
    filters: dict[str, str] = Field(
        default_factory=dict,
        description="By table, a T-SQL condition that rows must meet to be read. Changes are not filtered.",
        examples=[{"Orders": "OrderDate >= '2025-01-01'"}],
    )


class LockConfig(Config):
    """Which of several hosts reads."""

    type: Literal["none", "azure_blob", "sp_getapplock"] = Field(
        default="none",
        description="Lease on a blob of Azure Storage, application lock in the source database, or no lock.",
        examples=["azure_blob"],
    )
    connection_string: SecretStr | None = Field(
        default=None,
        description="Azure Storage's connection string, for `azure_blob`.",
        examples=["DefaultEndpointsProtocol=https;AccountName=…;AccountKey=…"],
    )
    container_name: str = Field(default="locks", description="Container of the lock blobs.", examples=["cdc-locks"])
    scope: Literal["task", "table"] = Field(
        default="task", description="One lock for the task, or one for each of its tables.", examples=["table"]
    )
    term: Seconds = Field(
        default="30s",
        validate_default=True,
        description="How long a lock outlives its holder, 15 s to 60 s; it is renewed at a third of it.",
        examples=["15s"],
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.type == "azure_blob" and self.connection_string is None:
            raise ValueError("`azure_blob` needs a `connection_string`")
        if not 15 <= self.term <= 60:
            raise ValueError("`term` must be between 15s and 60s")
        return self


class InfrastructureConfig(Config):
    """What `init` sees to besides CDC on the database and its tables."""

    role: str | None = Field(
        default=None,
        min_length=1,
        max_length=128,
        description="Database role that may read the changes; made where missing. Without one, whoever may SELECT "
        "from a table may read its changes.",
        examples=["cdc_reader"],
    )
    members: list[str] = Field(
        default_factory=list,
        description="Database users to put into `role`, with SELECT on the tables.",
        examples=[["dstream"]],
    )
    retention: Seconds | None = Field(
        default=None,
        description="How long changes are kept before SQL Server cleans them up, in whole minutes.",
        examples=["72h"],
    )
    filegroup: str | None = Field(
        default=None, description="Filegroup of the change tables; the default one where not given.", examples=["CDC"]
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.members and self.role is None:
            raise ValueError("`members` needs a `role` to put them into")
        if self.retention is not None and (self.retention < 60 or self.retention % 60):
            raise ValueError("`retention` must be whole minutes, such as `72h`")
        return self


class MssqlCdcConfig(Config):
    connection_string: SecretStr = Field(
        validation_alias=AliasChoices("connection_string", "db_connection_string"),
        description="Server, database, user and password in the spelling of ADO, ODBC or `sqlserver://`.",
        examples=["Server=sql.example.com,1433;Database=Shop;User Id=dstream;Password=…;Encrypt=True"],
    )
    driver: Driver = Field(
        default="pymssql",
        description="Client library. `mssql-python` takes less CPU for each row and must be installed besides.",
        examples=["mssql-python"],
    )
    tables: list[str] = Field(
        min_length=1,
        description="Tables to read: `table` (of schema dbo) or `schema.table`, with `*` and `?` in either part.",
        examples=[["Orders", "sales.*"]],
    )
    exclude_tables: list[str] = Field(
        default_factory=list,
        description="Tables not to read, written like those of `tables`.",
        examples=[["sales.*_archive"]],
    )
    columns: dict[str, list[str]] = Field(
        default_factory=dict,
        description="By table, the columns to send, in this order; all captured columns for a table not named here.",
        examples=[{"Persons": ["ID", "Name"]}],
    )
    capture_instances: list[str] = Field(
        default_factory=list,
        description="Names of the capture instances to read by, with `*` and `?`; any where empty.",
        examples=[["dbo_Orders_v2"]],
    )
    skip_operations: list[Operation] = Field(
        default_factory=list, description="Kinds of changes that are not sent.", examples=[["delete"]]
    )
    snapshot: SnapshotConfig = Field(
        default_factory=SnapshotConfig,
        description="How the rows that are there already come to be read.",
        examples=[{"mode": "no_data"}],
    )
    poll_interval: Seconds = Field(
        default="1s",
        validate_default=True,
        description="Pause before looking for changes again after some were found.",
        examples=["5s"],
    )
    max_poll_interval: Seconds = Field(
        default="10s",
        validate_default=True,
        description="Longest pause: while nothing changes, pauses grow to this.",
        examples=["30s"],
    )
    heartbeat_interval: Seconds = Field(
        default="10s",
        validate_default=True,
        description="While no change comes, how often the position is stored and figures are published.",
        examples=["1m"],
    )
    heartbeat_query: str | None = Field(
        default=None,
        description="T-SQL run at each heartbeat, such as an UPDATE of a captured table that shows the way is open.",
        examples=["UPDATE dbo.heartbeat SET at = SYSUTCDATETIME()"],
    )
    on_gap: Literal["fail", "resnapshot"] = Field(
        default="fail",
        description="When changes were cleaned up before they were read: end with an error, or read the table anew.",
        examples=["resnapshot"],
    )
    manage_capture_instances: bool = Field(
        default=False,
        description="Make a new capture instance when a table's columns change, and remove the one it replaces.",
        examples=[True],
    )
    batch_rows: int = Field(
        default=10_000, ge=1, le=1_000_000, description="Changes that one query reads at most.", examples=[2000]
    )
    batch_bytes: int = Field(
        default=4 * 1024 * 1024,
        ge=64 * 1024,
        le=256 * 1024 * 1024,
        description="Bytes of changes that one query should read, by the size of those before.",
        examples=[1024 * 1024],
    )
    parallelism: int = Field(
        default=4, ge=1, le=32, description="Connections that read changes of different tables.", examples=[1]
    )
    query_timeout: Seconds = Field(
        default="1m", validate_default=True, description="Longest wait for one answer of the server.", examples=["5m"]
    )
    retry_timeout: Seconds = Field(
        default="5m",
        validate_default=True,
        description="How long to try again while the server cannot be reached, before the run fails.",
        examples=["30m"],
    )
    lock_config: LockConfig = Field(
        default_factory=LockConfig,
        validation_alias=AliasChoices("lock_config", "lock"),
        description="Which of several hosts reads.",
        examples=[{"type": "sp_getapplock"}],
    )
    infrastructure: InfrastructureConfig = Field(
        default_factory=InfrastructureConfig,
        description="What `init` sees to besides CDC on the database and its tables.",
        examples=[{"role": "cdc_reader", "retention": "72h"}],
    )

    @field_validator("connection_string")
    @classmethod
    def _readable(cls, value: SecretStr) -> SecretStr:
        parse(value.get_secret_value())
        return value

    @field_validator("driver")
    @classmethod
    def _installed(cls, value: Driver) -> Driver:
        if value == "mssql-python" and importlib.util.find_spec("mssql_python") is None:
            raise ValueError(
                "`mssql-python` is not installed: `pip install 'mssql-cdc-provider[odbc]'`, or build the image with "
                "`--build-arg EXTRA=odbc`"
            )
        return value

    @field_validator("tables", "exclude_tables", "columns")
    @classmethod
    def _patterns(cls, value: Any) -> Any:
        for text in value:
            Pattern(text)
        return value

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not 0 < self.poll_interval <= self.max_poll_interval:
            raise ValueError("`poll_interval` must be above 0 and not above `max_poll_interval`")
        return self

    @property
    def fails_at_gaps(self) -> bool:
        """Whether changes that were lost end the run; else their tables are read anew."""
        return self.on_gap == "fail" and self.snapshot.mode != "when_needed"

    @property
    def target(self) -> Target:
        """What `connection_string` and `driver` say."""
        return replace(parse(self.connection_string.get_secret_value()), driver=self.driver)
