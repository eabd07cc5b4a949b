"""The suite as a pytest class: one test per promise that fits the provider's role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from dstream_sdk.protocol.messages import Description, Role
from dstream_sdk.testing.subject import Inapplicable, Subject
from dstream_sdk.testing.suite import checks_for, prepare


class ProviderContract:
    """Derive from it, set `command` and what the provider needs; `pytest` finds the rest.

        class TestContract(ProviderContract):
            command = ["python", "-m", "my_provider"]
            role = "output"
            config = {"path": "/tmp/records"}

            def durable(self) -> int:
                return len(Path("/tmp/records").read_text().splitlines())

    A promise that the provider does not claim (an input without checkpoints need not resume) passes.
    """

    command: ClassVar[Sequence[str]] = ()
    role: ClassVar[Role] = "input"
    config: ClassVar[Mapping[str, Any]] = {}
    env: ClassVar[Mapping[str, str]] = {}

    def key(self, envelope: dict[str, Any]) -> object:
        """What of an envelope stays the same when it is read again. Override it where times or offsets differ."""
        return envelope

    description: ClassVar[Description | None] = None
    """What the provider says of itself; asked for by the first test."""

    durable: Any = None
    """Override as a method: how many records are at the far side."""

    def subject(self) -> Subject:
        """The provider as the checks take it."""
        return Subject(self.command, self.config, self.role, key=self.key, durable=self.durable, env=self.env)

    def pytest_generate_tests(self, metafunc: Any) -> None:
        if "promise" in metafunc.fixturenames:
            metafunc.parametrize("promise", list(checks_for(self.role)))

    def test_contract(self, promise: str) -> None:
        check = checks_for(self.role)[promise]
        try:
            check(self._prepared())
        except Inapplicable:
            return

    def _prepared(self) -> Subject:
        """The subject with its description, which is asked for once per class."""
        if "description" not in vars(type(self)):
            type(self).description = prepare(self.subject(), self.role).description
        return replace(self.subject(), description=self.description)
