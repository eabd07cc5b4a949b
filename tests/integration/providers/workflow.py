"""The workflow that publishes a provider, as far as its own commands go."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.integration.providers.conftest import Author

WORKFLOW = ".github/workflows/publish-oci.yml"


def follow(author: Author, job: str, tag: str) -> str:
    """Type every command of the job in the author's folder, as a runner does for the tag. The image that it made."""
    (root,) = (each for each in (author.folder, author.folder.parent) if (each / WORKFLOW).is_file())
    (steps,) = re.findall(rf"^  {job}:\n((?:    .*\n|\n)+)", (root / WORKFLOW).read_text(), re.MULTILINE)
    commands = re.findall(r"^ +(?:- )?run: (.+)$", steps, re.MULTILINE)
    assert len(commands) >= 3
    variables = author.folder.parent / f"variables-of-{job}"
    variables.write_text("")
    known: dict[str, str] = {}
    for command in commands:
        author.types(command, GITHUB_REF_NAME=tag, GITHUB_ENV=str(variables), **known)
        known = dict(line.split("=", 1) for line in variables.read_text().splitlines())
    return known["IMAGE"]
