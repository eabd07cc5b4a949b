"""What a queue is set to: the properties of the administration API's QueueDescription, checked as the service does."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from tests.servers.servicebus.errors import INVALID, ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

FOREVER = "P10675199DT2H48M5.4775807S"
RULES = "AuthorizationRules"
"""Kept as the XML that came."""
DEFAULTS: dict[str, str | None] = {
    "LockDuration": "PT1M",
    "MaxSizeInMegabytes": "1024",
    "RequiresDuplicateDetection": "false",
    "RequiresSession": "false",
    "DefaultMessageTimeToLive": FOREVER,
    "DeadLetteringOnMessageExpiration": "false",
    "DuplicateDetectionHistoryTimeWindow": "PT10M",
    "MaxDeliveryCount": "10",
    "EnableBatchedOperations": "true",
    "IsAnonymousAccessible": "false",
    RULES: None,
    "Status": "Active",
    "ForwardTo": None,
    "UserMetadata": None,
    "SupportOrdering": "true",
    "AutoDeleteOnIdle": FOREVER,
    "EnablePartitioning": "false",
    "EntityAvailabilityStatus": "Available",
    "EnableExpress": "false",
    "ForwardDeadLetteredMessagesTo": None,
    "MaxMessageSizeInKilobytes": "256",
}
IMMUTABLE = ("RequiresDuplicateDetection", "RequiresSession", "EnablePartitioning")
_DAY = 86_400
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_SIZES = ("1024", "2048", "3072", "4096", "5120")


class Description:
    """A queue's properties, which never change: a change makes another one."""

    def __init__(self, given: Mapping[str, str | None] | None = None) -> None:
        self.values = {**DEFAULTS, **(given or {})}
        self._check()

    def changed(self, given: Mapping[str, str | None]) -> Description:
        for name in IMMUTABLE:
            if given.get(name, self.values[name]) != self.values[name]:
                raise _invalid(f"The value for the {name} property of an existing Queue cannot be changed.")
        return Description({**self.values, **given})

    @cached_property
    def lock_s(self) -> float:
        return self._seconds("LockDuration")

    @cached_property
    def time_to_live_s(self) -> float | None:
        """None: for ever."""
        return None if (text := self.values["DefaultMessageTimeToLive"]) in (None, FOREVER) else seconds(str(text))

    @cached_property
    def window_s(self) -> float:
        return self._seconds("DuplicateDetectionHistoryTimeWindow")

    @cached_property
    def max_bytes(self) -> int:
        return self._number("MaxSizeInMegabytes") << 20

    @cached_property
    def max_message_bytes(self) -> int:
        return self._number("MaxMessageSizeInKilobytes") << 10

    @cached_property
    def max_deliveries(self) -> int:
        return self._number("MaxDeliveryCount")

    @cached_property
    def sessions(self) -> bool:
        return self.values["RequiresSession"] == "true"

    @cached_property
    def detects_duplicates(self) -> bool:
        return self.values["RequiresDuplicateDetection"] == "true"

    @cached_property
    def buries_expired(self) -> bool:
        return self.values["DeadLetteringOnMessageExpiration"] == "true"

    def _check(self) -> None:
        if not 0 < self.lock_s <= 300:
            raise _invalid("LockDuration must be greater than zero and at most 5 minutes.")
        if not 20 <= self.window_s <= 7 * _DAY:
            raise _invalid("DuplicateDetectionHistoryTimeWindow must be between 20 seconds and 7 days.")
        if not 1 <= self.max_deliveries <= 2000:
            raise _invalid("MaxDeliveryCount must be between 1 and 2000.")
        if self.values["MaxSizeInMegabytes"] not in _SIZES:
            raise _invalid(f"MaxSizeInMegabytes must be one of {';'.join(_SIZES)}.")
        if self.values["MaxMessageSizeInKilobytes"] != DEFAULTS["MaxMessageSizeInKilobytes"]:
            raise _invalid("MaxMessageSizeInKilobytes may be set in the Premium tier only.")
        if len(self.values["UserMetadata"] or "") > 1024:
            raise _invalid("UserMetadata is at most 1024 characters.")
        if self._seconds("AutoDeleteOnIdle") < 300:
            raise _invalid("AutoDeleteOnIdle must be at least 5 minutes.")
        if self.time_to_live_s is not None and self.time_to_live_s <= 0:
            raise _invalid("DefaultMessageTimeToLive must be greater than zero.")

    def _number(self, name: str) -> int:
        text = self.values[name] or ""
        if not text.isdecimal():
            raise _invalid(f"The value '{text}' of {name} is not a number.")
        return int(text)

    def _seconds(self, name: str) -> float:
        return seconds(self.values[name] or "")


def seconds(text: str) -> float:
    """The length of an ISO 8601 duration of days and less."""
    found = _DURATION.fullmatch(text)
    if found is None or text in ("P", "PT"):
        raise _invalid(f"The value '{text}' is not a valid TimeSpan.")
    days, hours, minutes, rest = (float(part or 0) for part in found.groups())
    return days * _DAY + hours * 3600 + minutes * 60 + rest


def _invalid(text: str) -> ServiceError:
    return ServiceError(INVALID, text)
