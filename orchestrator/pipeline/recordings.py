"""`dstream run --record`: one recording for each attempt of a run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from dstream_sdk.protocol import Stream
from orchestrator.pipeline.provider import Prepared
from orchestrator.relay.record import Header
from orchestrator.relay.recording import Recording


class Recordings:
    """Makes those of one run. Where no folder is named there are none."""

    def __init__(self, folder: Path | None, task: str, run_id: str) -> None:
        self._folder = folder
        self._task = task
        self._run_id = run_id
        self._attempts = 0

    def begin(self, source: Prepared, streams: Sequence[Stream] | None) -> Recording | None:
        """The next attempt's, to be closed by whoever asked. Its header holds nothing of any config.

        Raises `UnavailableError` (`record.unwritable`).
        """
        self._attempts += 1
        if self._folder is None:
            return None
        header = Header(
            run_id=self._run_id,
            attempt=self._attempts,
            task=self._task,
            source=source.source,
            provider=source.name,
            started_at=time.time(),
            control=source.announced,
            position_keys=source.position_keys,
            streams=None if streams is None else list(streams),
        )
        return Recording(self._folder, header)
