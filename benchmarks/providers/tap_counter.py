"""A Singer tap, on singer-sdk, with the records of the counter: `python tap_counter.py COUNT`."""

import sys
from datetime import UTC, datetime

from singer_sdk import Stream, Tap
from singer_sdk import typing as th

COUNT = int(sys.argv[1])
SCHEMA = th.PropertiesList(
    th.Property("value", th.IntegerType),
    th.Property("timestamp", th.StringType),
    th.Property("seq", th.IntegerType),
    th.Property("source", th.StringType),
    th.Property("interval_ms", th.IntegerType),
).to_dict()


class Numbers(Stream):
    name = "numbers"
    schema = SCHEMA

    def get_records(self, context):  # noqa: ARG002  # the SDK's signature
        now = datetime.now
        for value in range(1, COUNT + 1):
            yield {
                "value": value,
                "timestamp": now(UTC).isoformat(),
                "seq": value,
                "source": "tap-counter",
                "interval_ms": 0,
            }


class TapCounter(Tap):
    name = "tap-counter"
    config_jsonschema = th.PropertiesList().to_dict()

    def discover_streams(self):
        return [Numbers(tap=self)]


TapCounter.cli(args=[])
