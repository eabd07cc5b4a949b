"""A clock for what may not outlive a moment: a machine that slept has not stopped it.

Standard library only, and imported by the guard.
"""

from __future__ import annotations

import time

_GOES_ON = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # elsewhere the monotonic clock counts sleep as well


def now() -> float:
    """Seconds since this machine started, the same for all its processes."""
    return time.clock_gettime(_GOES_ON)
