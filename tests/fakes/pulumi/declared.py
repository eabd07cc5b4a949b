"""`python -m tests.fakes.pulumi.declared CONFIG QUEUE...`: what the Service Bus output's program declares.

Pulumi's own mocks are in the engine's place. Prints a JSON object for every resource.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from pulumi.runtime import Mocks, set_mocks, stack
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs

from asb_output_provider.config import AsbConfig
from asb_output_provider.infrastructure.program import declare
from asb_output_provider.infrastructure.queues import Queue, wanted_properties


class Declared(Mocks):
    """Takes down what is declared, on several threads."""

    def __init__(self) -> None:
        self.resources: list[dict[str, Any]] = []

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        self.resources.append({"type": args.typ, "name": args.name, "inputs": args.inputs})
        return args.name, args.inputs

    def call(self, args: MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise NotImplementedError


def main() -> None:
    config = AsbConfig.model_validate(json.loads(sys.argv[1]))
    queues = [Queue(name, wanted_properties(config.queues), "mark") for name in sys.argv[2:]]
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    declared = Declared()
    set_mocks(declared)
    loop.run_until_complete(stack.run_pulumi_func(lambda: declare(config, queues, frozenset())))
    for resource in declared.resources:
        print(json.dumps(resource))


if __name__ == "__main__":
    main()
