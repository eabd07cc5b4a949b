"""What the Service Bus output can be told."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AliasChoices, Field, SecretStr, field_validator, model_validator

from asb_output_provider.connection_string import Namespace, parse
from asb_output_provider.names import DEFAULT_TEMPLATE, Table, checked_template
from dstream_sdk import Config
from dstream_sdk.durations import Seconds
from dstream_sdk.infra.settings import PulumiSettings

MINUTE, DAY = 60.0, 86_400.0


class QueueSettings(Config):
    """How a queue is made. What a queue is made with for good is said at the field."""

    max_size_mb: int = Field(
        default=1024,
        ge=1024,
        le=81_920,
        multiple_of=1024,
        description="MB that a queue holds before it refuses more, a multiple of 1024; above 5120 on the premium tier.",
        examples=[5120],
    )
    ttl: Seconds | None = Field(
        default=None,
        gt=0,
        description="How long a message waits to be received before it expires; for ever where not given.",
        examples=["336h"],
    )
    dead_letter_on_expiration: bool = Field(
        default=True,
        description="Move expired messages to the queue's dead-letter queue, where they would be dropped otherwise.",
        examples=[False],
    )
    duplicate_detection: bool = Field(
        default=True,
        description="Drop messages whose id came within `duplicate_detection_window`, such as those that a restart "
        "repeats. A queue keeps what it was made with.",
        examples=[False],
    )
    duplicate_detection_window: Seconds = Field(
        default="10m",
        validate_default=True,
        ge=20,
        le=7 * DAY,
        description="How long a queue remembers message ids, 20 s to 168 h.",
        examples=["1h"],
    )
    sessions: bool = Field(
        default=False,
        description="Give every message its row's key as session id: receivers share a queue with each row's changes "
        "in order. A queue keeps what it was made with.",
        examples=[True],
    )
    lock_duration: Seconds = Field(
        default="1m",
        validate_default=True,
        ge=5,
        le=5 * MINUTE,
        description="How long a received message is locked for its receiver, 5 s to 5 m.",
        examples=["30s"],
    )
    max_delivery_count: int = Field(
        default=10,
        ge=1,
        le=2000,
        description="Deliveries of one message before it goes to the dead-letter queue.",
        examples=[5],
    )
    max_message_size_kb: int | None = Field(
        default=None,
        ge=1024,
        le=102_400,
        description="Largest message in KB, on the premium tier; the tier's own where not given.",
        examples=[4096],
    )


class AzureConfig(Config):
    """Where the namespace lies in Azure, for `init` to make its queues through Azure Resource Manager."""

    subscription_id: str = Field(
        min_length=1, description="Subscription of the namespace.", examples=["00000000-0000-0000-0000-000000000000"]
    )
    resource_group: str = Field(min_length=1, description="Resource group of the namespace.", examples=["shop"])


class AsbConfig(Config):
    connection_string: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("connection_string", "connectionString"),
        description="Connection string of the namespace, with a shared access key that may send (and manage, for "
        "`init` and `auto_create`).",
        examples=["Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=dstream;SharedAccessKey=…"],
        json_schema_extra={"writeOnly": True},
    )
    namespace: str | None = Field(
        default=None,
        min_length=1,
        description="Namespace to reach with an identity of Microsoft Entra, in place of `connection_string`.",
        examples=["shop.servicebus.windows.net"],
    )
    credential: Literal["default", "managed_identity", "workload_identity"] = Field(
        default="default",
        description="Identity used with `namespace`: that of the machine, of the Kubernetes workload, or the first "
        "that is found.",
        examples=["managed_identity"],
    )
    client_id: str | None = Field(
        default=None,
        description="Which identity, where there are several.",
        examples=["00000000-0000-0000-0000-000000000000"],
    )
    admin_endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://[^/]+/?$",
        description="Where queues are managed, if not at the namespace itself: an emulator's other port.",
        examples=["http://localhost:5300"],
    )
    ca_file: str | None = Field(
        default=None,
        description="PEM file of the authority that signed the server's certificate, if it is not a public one.",
        examples=["/certs/ca.pem"],
    )
    queue_name: Annotated[str, AfterValidator(checked_template)] = Field(
        default=DEFAULT_TEMPLATE,
        description="Name of a table's queue, with `{TableName}` and, if wanted, `{SchemaName}`. Without "
        "`{SchemaName}`, tables of schemas other than `dbo` and `public` are filled in as `schema.table`.",
        examples=["shop-{SchemaName}-{TableName}"],
    )
    tables: list[str] = Field(
        default=[],
        description="Tables (`table` or `schema.table`) that get a queue besides those that the input announces.",
        examples=[["Orders", "sales.Invoices"]],
    )
    default_table: str | None = Field(
        default=None,
        min_length=1,
        description="Table (`table` or `schema.table`) of records whose metadata names none; such records are rejected "
        "where not given.",
        examples=["events"],
    )
    queues: QueueSettings = Field(
        default_factory=QueueSettings,
        description="How queues are made.",
        examples=[{"ttl": "336h", "max_size_mb": 5120}],
        json_schema_extra={"default": {}},
    )
    queue_overrides: dict[str, QueueSettings] = Field(
        default={},
        description="By table (`table` or `schema.table`), what differs from `queues`.",
        examples=[{"sales.Invoices": {"sessions": True}}],
    )
    adopt: bool = Field(
        default=False,
        description="Let `init` set up and use queues that others made; `destroy` leaves them.",
        examples=[True],
    )
    auto_create: bool = Field(
        default=False,
        description="Let a run make the queue of a table that has none yet; the next `init` takes it over.",
        examples=[True],
    )
    parallelism: int = Field(
        default=8, ge=1, le=64, description="Queues that are written to at the same time.", examples=[16]
    )
    retry_timeout: Seconds = Field(
        default="5m",
        validate_default=True,
        description="How long to try again while Service Bus is busy or cannot be reached, before the run fails.",
        examples=["30m"],
    )
    azure: AzureConfig | None = Field(
        default=None,
        description="Make the queues through Azure Resource Manager; through the namespace itself where not given.",
        examples=[{"subscription_id": "00000000-0000-0000-0000-000000000000", "resource_group": "shop"}],
    )
    infrastructure: PulumiSettings = Field(
        default_factory=PulumiSettings,
        description="Where `init` keeps track of the queues it made.",
        examples=[{"backend": "azblob://pulumi?storage_account=shopstate"}],
        json_schema_extra={"default": {}},
    )

    @field_validator("connection_string")
    @classmethod
    def _can_be_read(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None:
            parse(given.get_secret_value())
        return given

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.connection_string is None) == (self.namespace is None):
            raise ValueError("give either `connection_string` or `namespace`")
        return self

    @property
    def target(self) -> Namespace:
        """The namespace that is meant, without its key."""
        if self.connection_string is not None:
            return parse(self.connection_string.get_secret_value())
        host = self.namespace or ""
        return Namespace(host if "." in host else f"{host}.servicebus.windows.net")

    @property
    def announced(self) -> list[Table]:
        """What `tables` and `default_table` name."""
        return [table_named(text) for text in (*self.tables, *filter(None, [self.default_table]))]

    def settings(self, table: Table) -> QueueSettings:
        """Of the table's queue: `queues`, and over it what `queue_overrides` says of the table."""
        for text, override in self.queue_overrides.items():
            if table_named(text) in (table, Table("", table.name)):
                changed = {name: getattr(override, name) for name in override.model_fields_set}
                return self.queues.model_copy(update=changed)
        return self.queues


def table_named(text: str) -> Table:
    """The table that `table` or `schema.table` means."""
    schema, _, name = text.rpartition(".")
    return Table(schema, name)
