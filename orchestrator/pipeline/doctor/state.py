"""Can the state be read and written, and is it whole?"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from orchestrator.errors import DstreamError
from orchestrator.pipeline.doctor.finding import Finding, of_error
from orchestrator.state.integrity import glance, problems_of
from orchestrator.state.sqlite import MIGRATIONS

_READ_WITHIN_S = 20.0

_LONG_LOG = 256 << 20
"""Bytes of a write-ahead log that nobody has folded in for long."""


def look_at_state(folder: Path, path: Path) -> Iterator[Finding]:
    """`folder` is the state directory, `path` the embedded store in it. Changes nothing that stays."""
    if not folder.exists():
        yield Finding("ok", "nothing is stored yet", str(folder))
        return
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
            file.flush()
    except OSError as error:
        remedy = "the state directory must be writable by the user who runs dstream, on a disk with room"
        yield Finding("failed", f"nothing can be stored: {error.strerror}", str(folder), remedy)
    damage = problems_of(path, _READ_WITHIN_S) if path.exists() else None
    if damage:
        message = f"the state is damaged: {'; '.join(damage)}"
        remedy = (
            f"move `{path.name}*` away, and give each task what it had: `dstream state import TASK FILE`, "
            f"from an export or from `{folder / 'backups'}`"
        )
        yield Finding("failed", message, str(path), remedy)
        return
    seen = glance(path)
    if seen is None:
        yield Finding("ok", "nothing is stored yet", str(path))
        return
    if seen.schema > len(MIGRATIONS):
        message = f"a newer dstream wrote the state: schema {seen.schema}, this one knows {len(MIGRATIONS)}"
        yield Finding("failed", message, str(path), "upgrade dstream, or use another `state_dir`")
        return
    judged = "is whole" if damage is not None else "is too large to be read whole here"
    migrated = "" if seen.schema == len(MIGRATIONS) else ", which the next command brings up to date"
    tasks = f"{seen.tasks:,} task{'' if seen.tasks == 1 else 's'}"
    yield Finding("ok", f"the state {judged}: schema {seen.schema}{migrated}, {tasks}", str(path))
    if seen.journal != "wal":
        remedy = "keep the state on a local disk: a write-ahead log needs memory that processes share"
        yield Finding("warning", f"the state keeps no write-ahead log but `{seen.journal}`", str(path), remedy)
    if seen.log_size > _LONG_LOG:
        message = f"its write-ahead log has {seen.log_size / 1e6:,.0f} MB: somebody has been reading for long"
        yield Finding("warning", message, str(path), "see who has it open with `fuser`, and end that")


def look_at_shared_state(reach: Callable[[], object], place: str) -> Iterator[Finding]:
    """`reach` reads what is stored of some task."""
    try:
        reach()
    except DstreamError as error:
        yield of_error(error)
        return
    yield Finding("ok", "the shared state answers", place)
