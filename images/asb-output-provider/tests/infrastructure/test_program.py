"""What the program declares, as Pulumi sees it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[4]
CONNECTION = "Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=k;SharedAccessKey=s3cret"


def declared(names: list[str], **config: Any) -> list[dict[str, Any]]:
    given = json.dumps({"connection_string": CONNECTION, **config})
    done = subprocess.run(
        [sys.executable, "-m", "tests.fakes.pulumi.declared", given, *names],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "s3cret" not in done.stdout
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_more_queues_are_declared_than_python_has_levels_of_calls() -> None:
    names = [f"q{number}" for number in range(1000)]
    resources = declared(names)
    assert sorted(resource["name"] for resource in resources) == sorted(names)
    assert {resource["type"] for resource in resources} == {"pulumi-python:dynamic/servicebus:Queue"}
    assert len({resource["inputs"]["__provider"] for resource in resources}) == 1


def test_azure_resource_manager_gets_the_same_properties_under_its_own_names() -> None:
    azure = {"subscription_id": "0000", "resource_group": "rg"}
    (queue,) = declared(["Orders_cdc_events"], azure=azure, queues={"ttl": "336h"})
    assert queue["type"] == "azure-native:servicebus:Queue"
    expected = {
        "resourceGroupName": "rg",
        "namespaceName": "shop",
        "queueName": "Orders_cdc_events",
        "defaultMessageTimeToLive": "P14D",
        "requiresDuplicateDetection": True,
        "userMetadata": "mark",
    }
    assert expected.items() <= queue["inputs"].items()
