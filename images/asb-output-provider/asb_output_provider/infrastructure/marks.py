"""Whose a queue is, written into the queue itself.

A queue is made with its mark in one request, so there is no moment at which a queue of ours could not be told from
someone else's, however the one who made it died.
"""

from __future__ import annotations

import msgspec

USER_METADATA_LIMIT = 1024
"""Characters that Service Bus keeps in a queue's `UserMetadata`."""


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """The task that a queue was made for.

    `auto` when a run made it for a table that `init` had not seen, `azure` when `init` made it through Azure Resource
    Manager.
    """

    project: str
    task: str
    auto: bool = False
    azure: bool = False

    def text(self) -> str:
        """What goes into `user_metadata`. Raises `ValueError` where Service Bus would not take it."""
        text = msgspec.json.encode(_Envelope(self)).decode()
        if len(text) > USER_METADATA_LIMIT:
            raise ValueError(f"a mark of {len(text)} characters is over the limit of {USER_METADATA_LIMIT}")
        return text

    @staticmethod
    def read(user_metadata: str | None) -> Mark | None:
        """The mark in a queue's `user_metadata`; None for a queue that dstream did not make."""
        try:
            return msgspec.json.decode(user_metadata or "", type=_Envelope).dstream
        except msgspec.DecodeError:
            return None

    def same_owner(self, other: Mark | None) -> bool:
        """Whether both are of one task of one project."""
        return other is not None and (self.project, self.task) == (other.project, other.task)


class _Envelope(msgspec.Struct):
    dstream: Mark
