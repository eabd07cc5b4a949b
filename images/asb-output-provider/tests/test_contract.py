"""The provider keeps the contract, as a process and to the last message."""

from __future__ import annotations

import sys

import pytest

from dstream_sdk.testing import run_contract_suite
from tests.servers.servicebus import ServiceBus

QUEUE = "contract_cdc_events"


@pytest.mark.timeout(400)  # dozens of processes, one after the other
def test_it_keeps_the_contract(bus: ServiceBus) -> None:
    bus.create(QUEUE)
    report = run_contract_suite(
        [sys.executable, "-m", "asb_output_provider"],
        config={"connection_string": bus.connection_string, "default_table": "contract"},
        durable=lambda: len(bus.received(QUEUE)),
        patience_s=60,
    )
    assert report.passed, str(report)
    claimed = {result.name for result in report.results if result.status == "passed"}
    assert {"acknowledges_only_what_is_durable", "secrets_stay_out_of_the_logs"} <= claimed
