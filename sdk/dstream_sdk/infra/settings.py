"""Where a provider's Pulumi state is kept, as its users configure it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class PulumiSettings(BaseModel):
    """A part of a provider's config: `infrastructure: PulumiSettings = PulumiSettings()`."""

    model_config = ConfigDict(extra="forbid")

    backend: str = Field(
        default="",
        description="Where Pulumi keeps its state: `azblob://`, `s3://`, `gs://`, `file://` or the `https://` of a "
        "Pulumi Cloud. Empty: files beside the task's other state, in `.dstream/infra`.",
        examples=["azblob://dstream-state", "s3://dstream-state?region=eu-west-1"],
    )
    passphrase: SecretStr | None = Field(
        default=None,
        description="Encrypts the secrets in the state. Needed where `backend` is shared storage; made and kept beside "
        "the state where that is local. Without it the state can be neither read nor changed any more.",
    )
    environment: dict[str, SecretStr] = Field(
        default_factory=dict,
        description="Environment variables with which Pulumi reaches the `backend`.",
        examples=[{"AZURE_STORAGE_ACCOUNT": "account", "AZURE_STORAGE_KEY": "…"}],
    )
