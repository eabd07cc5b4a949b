"""What a package index gives the author of a provider, in folders: the SDK of these sources, and the tools to build."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

from tests.servers.script import REPOSITORY, run_script

_TOOLS = ("editables", "hatchling", "pytest")


def wheel_folders(published: Path) -> tuple[Path, Path]:
    """Folders for `PIP_FIND_LINKS`; with them and `PIP_NO_INDEX` pip needs no network.

    `published`, which is made, has no wheel of a provider: those are published as images alone.
    """
    published.mkdir()
    unpublished = {folder.name.replace("-", "_") for folder in (REPOSITORY / "images").iterdir()}
    for wheel in Path(run_script("wheelhouse")).glob("*.whl"):
        if wheel.name.partition("-")[0] not in unpublished:
            (published / wheel.name).symlink_to(wheel)
    return published, _tools()


def _tools() -> Path:
    """Downloaded once for each state of constraints.txt."""
    constraints = REPOSITORY / "constraints.txt"
    cache = Path(os.environ.get("DSTREAM_CACHE", REPOSITORY / ".cache")) / "author-wheels"
    stored = cache / sha256(constraints.read_bytes()).hexdigest()[:16]
    if not stored.exists():
        cache.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix="downloading-", dir=cache))
        options = ["--quiet", "--only-binary", ":all:", "--constraint", str(constraints), "--dest", str(fresh)]
        subprocess.run([sys.executable, "-m", "pip", "download", *options, *_TOOLS], check=True, timeout=300)
        fresh.rename(stored)
    return stored
