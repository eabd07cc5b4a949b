"""Stopping a run whose process is not what its lock says."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest

from orchestrator.cli.compose import services
from orchestrator.config import load_project
from orchestrator.errors import RunError
from orchestrator.pipeline.stopping import stop_task
from orchestrator.settings import load_settings
from orchestrator.state.lock import Locks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOLD = """
import sys
from pathlib import Path
from orchestrator.state.lock import Locks
lock = Locks(Path(sys.argv[1])).acquire("orders", "R1")
print("held", flush=True)
sys.stdin.read()
"""
PROJECT = """
task "orders" {
  input { provider_path = "./in" }
  output { provider_path = "./out" }
}
"""


@contextlib.contextmanager
def process(*command: str) -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield started
    finally:
        started.kill()
        started.communicate(timeout=60)


def test_a_stranger_that_has_the_number_of_the_lock_holder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "dstream.hcl").write_text(PROJECT)
    folder = tmp_path / ".dstream"
    with (
        process(sys.executable, "-c", HOLD, str(folder)) as holder,
        process(sys.executable, "-c", "import sys; sys.stdin.read()") as stranger,
    ):
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        written = Locks(folder).holder("orders")
        assert written is not None
        assert Locks(folder).opened_by(written)
        # As a container would write it that shares the folder and the host's name, and has its own numbers.
        other = msgspec.structs.replace(written, pid=stranger.pid)
        next((folder / "locks").glob("orders-*.lock")).write_bytes(msgspec.json.encode(other))
        with (
            services(load_project(tmp_path / "dstream.hcl"), load_settings(), shared=False) as offered,
            pytest.raises(RunError) as refused,
        ):
            stop_task("orders", offered, None)
        assert refused.value.code == "task.elsewhere"
        assert stranger.poll() is None
