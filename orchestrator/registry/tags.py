"""Which digest a tag had when it was last pulled to this host: what it means as long as nobody asks again."""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import TYPE_CHECKING

from orchestrator.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from orchestrator.registry.reference import Reference


class PulledTags:
    """The tags in `folder`, one file each, replaced as a whole. Safe for several processes; raises `OSError`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, reference: Reference) -> str | None:
        """The digest that the tag of `reference` had."""
        try:
            known = json.loads(self._file(reference).read_bytes())
            return reference.with_digest(known["digest"]).digest
        except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError, ConfigError):
            return None

    def remember(self, reference: Reference, digest: str, scratch: Path) -> None:
        """The tag of `reference` has `digest` now. `scratch` is an empty folder on the same file system."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = scratch / "tag"
        fresh.write_text(json.dumps({"reference": _tag_of(reference), "digest": digest}))
        fresh.replace(self._file(reference))

    def forget(self, gone: Callable[[str], bool]) -> None:
        """Forget the tags whose digest is `gone`."""
        for file in sorted(self._folder.glob("*.json")):
            with contextlib.suppress(FileNotFoundError, ValueError, TypeError, KeyError):
                if gone(str(json.loads(file.read_bytes())["digest"])):
                    file.unlink()

    def _file(self, reference: Reference) -> Path:
        return self._folder / f"{hashlib.sha256(_tag_of(reference).encode()).hexdigest()}.json"


def _tag_of(reference: Reference) -> str:
    return f"{reference.name}:{reference.tag_or_latest}"
