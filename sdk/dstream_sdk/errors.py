"""What a provider raises to be understood."""

from __future__ import annotations


class ProviderError(Exception):
    """Something the user can act on. Shown as `message`, with `hint` as the way out, never a traceback.

    Raised before the handshake it becomes the handshake's error, later it ends the run. Put no
    secret in either text.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Rejection(Exception):
    """One record that can never be written; the host reports it and goes on.

    `index` is its place in the batch that `write` got. Returned from `write` (any number of them)
    it means that all other records of the batch were written. Raised, it means that those before
    it were written and those behind it were not tried: `write` is called again with those.
    """

    def __init__(self, index: int, code: str, reason: str = "") -> None:
        super().__init__(f"record {index} of the batch: {code}: {reason}")
        self.index = index
        self.code = code
        self.reason = reason


class OrchestratorGone(Exception):
    """The other end of stdin or stdout is closed: nobody is left to report to."""
