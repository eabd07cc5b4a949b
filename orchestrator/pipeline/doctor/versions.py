"""Is this installation complete?"""

from __future__ import annotations

import platform
import re
import sqlite3
import ssl
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from orchestrator.pipeline.doctor.finding import Finding

_OWN = "dstream-cli"
_REMEDY = "install dstream anew, into an environment of its own"


def look_at_versions() -> Iterator[Finding]:
    python = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {ssl.OPENSSL_VERSION}"
    yield Finding("ok", f"dstream {version(_OWN)} with {python}")
    for requirement in requires(_OWN) or ():
        name = re.match(r"[\w.-]+", requirement)
        if name is None or "extra ==" in requirement:
            continue
        try:
            version(name[0])
        except PackageNotFoundError:
            yield Finding("failed", f"the package `{name[0]}` is missing: `{requirement}`", remedy=_REMEDY)
