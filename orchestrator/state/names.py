"""What a task's own locks, labels and files in the state directory are called."""

from __future__ import annotations

import re
from hashlib import sha256

_INFRASTRUCTURE = "/infrastructure"


def infrastructure_of(task: str) -> str:
    """What the work on a task's infrastructure is locked and labelled by: no task can be called so."""
    return f"{task}{_INFRASTRUCTURE}"


def task_of(name: str) -> str:
    """The task that is meant by its own name, or by that of the work on its infrastructure."""
    return name.removesuffix(_INFRASTRUCTURE)


def file_name(task: str, suffix: str) -> str:
    """A file name for the task: readable, and another one for every task. `suffix` follows it as it is."""
    readable = re.sub(r"[^A-Za-z0-9._-]", "_", task)[:60]
    return f"{readable}-{sha256(task.encode()).hexdigest()[:8]}{suffix}"
