"""The contract as a suite that any provider can be held against, whatever it is written in.

report = run_contract_suite(["python", "-m", "my_provider"], config={"count": 2500})
assert report.passed, report

class TestContract(ProviderContract):      # the same under pytest, one test per promise
    command = ["docker", "run", "--rm", "-i", "my-provider"]
    config = {"count": 2500}

python -m dstream_sdk.testing --config '{"count": 2500}' -- ./provider
"""

from dstream_sdk.testing.contract import ProviderContract
from dstream_sdk.testing.subject import ContractFailure, Subject
from dstream_sdk.testing.suite import Report, Result, run_contract_suite

__all__ = ["ContractFailure", "ProviderContract", "Report", "Result", "Subject", "run_contract_suite"]
