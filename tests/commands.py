"""A command to a provider's process, given to it as `dstream` gives it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dstream_sdk.protocol import CommandEnvelope


def started(module: str, envelope: CommandEnvelope, environ: Mapping[str, str]) -> subprocess.Popen[str]:
    """The command under way, its envelope written. Its stdin stays open: closed, it would mean cancel."""
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(envelope).decode() + "\n")
    process.stdin.flush()
    return process
