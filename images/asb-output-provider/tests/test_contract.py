"""The provider keeps the contract, as a process and to the last message."""

from __future__ import annotations

import sys

from dstream_sdk.testing import run_contract_suite
from tests.servers.servicebus import ServiceBus


def test_it_keeps_the_contract(bus: ServiceBus) -> None:
    bus.create("contract_cdc_events")
    config = {"connection_string": bus.connection_string, "default_table": "contract"}
    report = run_contract_suite([sys.executable, "-m", "asb_output_provider"], config=config, patience_s=30)
    assert report.passed, str(report)
    assert bus.counts()["messages"] > 0
