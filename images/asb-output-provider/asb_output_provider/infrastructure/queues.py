"""A queue as it shall be, in the words that Service Bus's client library and Azure Resource Manager share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from azure.servicebus.management import QueueProperties

from asb_output_provider.config import QueueSettings

Properties = Mapping[str, str | int | bool]
"""By name, such as `max_size_in_megabytes`. Durations are ISO 8601, one text for one duration."""

FIXED = frozenset({"requires_duplicate_detection", "requires_session", "enable_partitioning"})
"""What a queue keeps for good: another value is another queue."""

FOREVER = "P10675199DT2H48M5.4775807S"
"""What Service Bus calls the time to live of messages that do not expire."""

_FOREVER = timedelta(days=10_675_199)

PARTITIONS = 16
"""Service Bus says a partitioned queue's size for all its partitions together."""

SMALLEST_MB = 1024

_DURATIONS = ("default_message_time_to_live", "duplicate_detection_history_time_window", "lock_duration")
_OTHERS = (
    "dead_lettering_on_message_expiration",
    "max_delivery_count",
    "max_message_size_in_kilobytes",
    "max_size_in_megabytes",
    "requires_duplicate_detection",
    "requires_session",
    "enable_partitioning",
)


@dataclass(frozen=True, slots=True)
class Queue:
    """`user_metadata` holds the mark of its owner. `ours` is false for one that someone else made: it is never
    deleted or made anew."""

    name: str
    properties: Properties
    user_metadata: str
    ours: bool = True


def wanted_properties(settings: QueueSettings) -> Properties:
    """What a queue is made with. What has no value in the settings is left to Service Bus."""
    properties: dict[str, str | int | bool] = {
        "dead_lettering_on_message_expiration": settings.dead_letter_on_expiration,
        "default_message_time_to_live": FOREVER if settings.ttl is None else iso_duration(settings.ttl),
        # Its brokers keep no common order, and it takes no batch of several message ids where it detects duplicates.
        "enable_partitioning": False,
        "lock_duration": iso_duration(settings.lock_duration),
        "max_delivery_count": settings.max_delivery_count,
        "max_size_in_megabytes": settings.max_size_mb,
        "requires_duplicate_detection": settings.duplicate_detection,
        "requires_session": settings.sessions,
    }
    if settings.duplicate_detection:
        properties["duplicate_detection_history_time_window"] = iso_duration(settings.duplicate_detection_window)
    if settings.max_message_size_kb is not None:
        properties["max_message_size_in_kilobytes"] = settings.max_message_size_kb
    return properties


def found_properties(queue: QueueProperties) -> Properties:
    """Those that a queue has."""
    properties: dict[str, str | int | bool] = {}
    for name in _DURATIONS:
        if (value := getattr(queue, name)) is not None:
            properties[name] = iso_duration(value)
    for name in _OTHERS:
        if (value := getattr(queue, name)) is not None:
            properties[name] = value
    size = int(properties.get("max_size_in_megabytes", 0))
    if properties.get("enable_partitioning") and size >= PARTITIONS * SMALLEST_MB:
        properties["max_size_in_megabytes"] = size // PARTITIONS
    return properties


def iso_duration(value: timedelta | float | str) -> str:
    """One text for one duration, however it was said."""
    if isinstance(value, str):
        value = msgspec.convert(value, timedelta)
    elif not isinstance(value, timedelta):
        value = timedelta(seconds=value)
    return FOREVER if value >= _FOREVER else str(msgspec.to_builtins(value))


def changes(there: Properties, wanted: Properties) -> dict[str, list[str | int | bool | None]]:
    """By property, the value there and the value wanted, where they differ."""
    return {name: [there.get(name), value] for name, value in wanted.items() if there.get(name) != value}
