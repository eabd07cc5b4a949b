"""What the console can be told."""

from __future__ import annotations

from typing import Literal

from pydantic import AliasChoices, Field

from dstream_sdk import Config


class ConsoleConfig(Config):
    output_format: Literal["simple", "json", "pretty"] = Field(
        default="simple",
        validation_alias=AliasChoices("outputFormat", "output_format", "OutputFormat"),
        description="`simple` is one short line per record, `json` the record as it came, `pretty` indented JSON.",
        examples=["json"],
    )
