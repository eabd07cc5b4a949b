"""What the provider can be told. The README's table and the checks of dstream are made from this."""

from __future__ import annotations

from pathlib import Path

from dstream_sdk import Config
from pydantic import Field


class OutputConfig(Config):
    path: Path = Field(
        default=Path("/tmp/records.db"),
        description="The SQLite database to write to; mount a folder to keep it.",
        examples=["/data/records.db"],
    )
    table: str = Field(
        default="records",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="The table in it, made where it is missing.",
        examples=["orders"],
    )
