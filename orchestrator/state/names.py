"""What a task's own files in the state directory are called."""

from __future__ import annotations

import re
from hashlib import sha256


def file_name(task: str, suffix: str) -> str:
    """A file name for the task: readable, and another one for every task. `suffix` begins with its dot."""
    readable = re.sub(r"[^A-Za-z0-9._-]", "_", task)[:60]
    return f"{readable}-{sha256(task.encode()).hexdigest()[:8]}{suffix}"
