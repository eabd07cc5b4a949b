"""Does this host's clock agree with those that it talks to?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from orchestrator.errors import DstreamError
from orchestrator.pipeline.doctor.finding import Finding

OFF_S = 5.0
WRONG_S = 60.0
"""Where tokens and certificates begin to be refused."""

_RESOLUTION_S = 1.0
"""A moment comes in whole seconds, rounded down."""


def look_at_clock(others: Mapping[str, Callable[[], float | None]]) -> Iterator[Finding]:
    """`others` tell their Unix time, None where they do not; those that do not answer are another check's."""
    compared = []
    for who, moment in others.items():
        asked = time.time()
        try:
            theirs = moment()
        except DstreamError:
            continue
        answered = time.time()
        if theirs is None:
            continue
        compared.append(who)
        behind, ahead = theirs - answered, asked - theirs - _RESOLUTION_S  # of this host, at least
        if max(behind, ahead) >= OFF_S:
            off = f"{ahead:,.0f} s ahead of" if ahead > behind else f"{behind:,.0f} s behind"
            wrong = max(behind, ahead) >= WRONG_S
            remedy = "set the clock, and keep it so by NTP: logins, certificates and ages go by it"
            yield Finding("failed" if wrong else "warning", f"this host's clock is {off} that of {who}", who, remedy)
    if not compared:
        yield Finding("ok", "there is no clock to compare with")
    else:
        yield Finding("ok", f"compared with {', '.join(compared)}")
