"""What the counter can be told."""

from __future__ import annotations

from pydantic import AliasChoices, Field

from dstream_sdk import Config


class CounterConfig(Config):
    interval: int = Field(
        default=1000,
        ge=0,
        le=86_400_000,
        description="Milliseconds between two records; 0 counts as fast as possible.",
        examples=[250],
    )
    max_count: int = Field(
        default=0,
        ge=0,
        validation_alias=AliasChoices("max_count", "maxCount", "MaxCount"),
        description="The number after which the stream ends, resumed runs included; 0 never ends.",
        examples=[5],
    )
