"""What the provider can be told. The README's table and the checks of dstream are made from this."""

from __future__ import annotations

from dstream_sdk import Config
from pydantic import Field, SecretStr


class InputConfig(Config):
    table: str = Field(
        default="orders",
        description="The table to read.",
        examples=["customers"],
    )
    rows: int = Field(
        default=1000,
        ge=0,
        description="The number of rows after which the stream ends; 0 never ends.",
        examples=[10],
    )
    batch_rows: int = Field(
        default=100,
        ge=1,
        description="Rows that are fetched at a time; a checkpoint follows each batch.",
        examples=[500],
    )
    poll_interval_s: float = Field(
        default=1.0,
        gt=0,
        description="Seconds to wait before asking again, where there was nothing new.",
        examples=[0.2],
    )
    token: SecretStr = Field(
        default=SecretStr(""),
        description="What the source wants to see. It is kept out of logs and of errors.",
    )
