"""The orchestrator with one thing about it changed, to see that the tests would notice."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.servers.script import REPOSITORY


def edited_package(folder: Path, file: str, before: str, after: str) -> Path:
    """A folder with a copy of the package `orchestrator`, in whose `file` the text `before` became `after`.

    Fails when `file` does not hold `before` exactly once: then the code has moved on, and the edit must too.
    """
    shutil.copytree(REPOSITORY / "orchestrator", folder / "orchestrator", ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / "orchestrator" / file
    text = path.read_text()
    assert text.count(before) == 1, f"{file} holds {text.count(before)} times, not once:\n{before}"
    path.write_text(text.replace(before, after))
    return folder


def ack_before_commit(*, pause: float) -> tuple[str, str, str]:
    """An edit: the input hears the ack first, and `pause` seconds later the state is made durable."""
    return (
        "relay/settle.py",
        """\
                self._commit(settled)
                if settled.mark is not None:
                    self._acknowledge(Ack(settled.mark.id, settled.mark.records))
""",
        f"""\
                if settled.mark is not None:
                    self._acknowledge(Ack(settled.mark.id, settled.mark.records))
                time.sleep({pause})
                self._commit(settled)
""",
    )
