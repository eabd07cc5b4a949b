"""Calls one of the repository's scripts."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

REPOSITORY = Path(__file__).parents[2]


def run_script(name: str, *arguments: str, environ: Mapping[str, str] | None = None, timeout: float = 300) -> str:
    """Run scripts/`name` and return what it printed; a failure carries what it said on stderr."""
    done = subprocess.run(
        [REPOSITORY / "scripts" / name, *arguments],
        env={**os.environ, **(environ or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"scripts/{name} {' '.join(arguments)} exited {done.returncode}:\n{done.stderr}")
    return done.stdout.strip()


def server_name(suffix: str = "") -> str:
    """A name that belongs to this test session, and to this process of it where several run its tests side by side.

    scripts/test stops every server that begins with it.
    """
    name = os.environ.get("DSTREAM_TEST_NAME", f"test-{os.getpid()}")
    return "-".join(filter(None, (name, os.environ.get("PYTEST_XDIST_WORKER"), suffix)))
