"""Where a user's own files are, by the XDG rules."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """For what can always be got again, whether or not it exists: `$XDG_CACHE_HOME/dstream`, or in `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dstream"
