"""The process that the contract suite starts is never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from dstream_sdk.testing.process import ProviderProcess


def test_a_signal_in_the_middle_of_a_start_ends_what_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        with pytest.raises(SystemExit), ProviderProcess(["sleep", "600"]):
            pytest.fail("it goes on")
    finally:
        signal.signal(signal.SIGTERM, before)
    (process,) = started
    assert process.wait(timeout=60) == -signal.SIGKILL
