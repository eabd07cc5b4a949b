"""The history of message ids by which a queue knows duplicates."""

from __future__ import annotations


class Duplicates:
    """Ids with the moment of the first message that had them, oldest first."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}
        self.dropped = 0

    def first(self, message_id: str, now: float, window_s: float) -> bool:
        """Is this id new within the window? If so it is known from now on."""
        while self._seen and next(iter(self._seen.values())) <= now - window_s:
            del self._seen[next(iter(self._seen))]
        if message_id in self._seen:
            self.dropped += 1
            return False
        self._seen[message_id] = now
        return True
