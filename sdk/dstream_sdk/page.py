"""A provider's page of documentation, from what it says of itself."""

from __future__ import annotations

from dstream_sdk.config_table import config_table
from dstream_sdk.protocol.messages import Description


def page(description: Description) -> str:
    """The page in Markdown."""
    return "\n".join(
        [
            f"# {description.name}",
            "",
            "<!-- Written by `./scripts/docs` from the provider's description. -->",
            "",
            description.description or description.title,
            "",
            "| | |",
            "|---|---|",
            *(f"| {name} | {value} |" for name, value in _facts(description) if value),
            "",
            "## Config",
            "",
            config_table(description),
            "",
        ]
    )


def _facts(description: Description) -> list[tuple[str, str]]:
    return [
        ("System", description.system),
        ("Direction", "input or output" if description.role == "both" else description.role),
        ("Version", description.version),
        ("Capabilities", _listed(description.capabilities)),
        ("Commands", _listed(description.commands)),
        ("Changes told apart by", _listed(description.position_keys)),
        ("Network", _listed(description.network)),
        ("Writes to", _listed(description.writable)),
    ]


def _listed(words: list[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)
