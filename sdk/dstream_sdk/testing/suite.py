"""Runs the checks that fit a provider and reports on each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import msgspec

from dstream_sdk.protocol.messages import Description, Role
from dstream_sdk.testing import common_checks, input_checks, output_checks
from dstream_sdk.testing.subject import ContractFailure, Inapplicable, Subject, decode_object, expect, fail

Check = Callable[[Subject], None]

_CHECKS: dict[str, tuple[Check, ...]] = {
    "common": common_checks.CHECKS,
    "input": input_checks.CHECKS,
    "output": output_checks.CHECKS,
}


Status = Literal["passed", "failed", "inapplicable"]
_MARKS: dict[Status, str] = {"passed": "ok  ", "failed": "FAIL", "inapplicable": "-   "}


class Result(msgspec.Struct):
    """One promise: `name` is its check, `promise` what is promised, `message` what was seen instead."""

    name: str
    promise: str
    status: Status
    message: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        lines = [f"{_MARKS[self.status]} {self.name}: {self.promise}"]
        lines += [f"     {line}" for line in self.message.splitlines()]
        return "\n".join(lines)


class Report(msgspec.Struct):
    """The whole suite's outcome."""

    provider: str
    version: str
    role: Role
    results: list[Result]

    @property
    def passed(self) -> bool:
        """Whether no promise was broken."""
        return all(result.status != "failed" for result in self.results)

    def __str__(self) -> str:
        return "\n".join([self.heading, *map(str, self.results), self.summary])

    @property
    def heading(self) -> str:
        return f"{self.provider} {self.version} as {self.role}"

    @property
    def summary(self) -> str:
        """How many promises were kept, broken and not claimed."""
        statuses = [result.status for result in self.results]
        kept, broken, unclaimed = (statuses.count(status) for status in get_args(Status))
        seconds = sum(result.seconds for result in self.results)
        return f"{kept} kept, {broken} broken, {unclaimed} not claimed, in {seconds:.1f} s"


def checks_for(role: Role) -> dict[str, Check]:
    """Every check that a provider of this role is held against, by name, in their order."""
    return {check.__name__: check for check in (*_CHECKS["common"], *_CHECKS[role])}


def prepare(subject: Subject, role: Role | None) -> Subject:
    """Ask the provider for its description and its role. Raises `ContractFailure` where it gives none."""
    with subject.start() as process:
        subject.send(process, subject.command_envelope("describe", role=role))
        handshake = subject.handshake(process)
        expect(handshake.status == "ready", f"`describe` was refused: {handshake.message}")
        fields = decode_object(subject.line(process), "the reply to `describe`")
        process.close_stdin()
        expect(process.status(subject.patience_s) == 0, "it does not exit 0 after `describe`")
    try:
        description = msgspec.convert(fields, Description)
    except msgspec.ValidationError as error:
        fail(f"the reply to `describe` is no description: {error}")
    if role is None:
        if description.role == "both":
            fail("the provider is both input and output: say which role to test")
        role = description.role
    return replace(subject, description=description, role=role)


def run_check(subject: Subject, check: Check) -> Result:
    """Hold the subject against one promise."""
    promise = " ".join((check.__doc__ or "").split())
    started = time.monotonic()
    status: Status = "passed"
    message = ""
    try:
        check(subject)
    except ContractFailure as failure:
        status, message = "failed", str(failure)
    except Inapplicable as reason:
        status, message = "inapplicable", str(reason)
    return Result(check.__name__, promise, status, message, round(time.monotonic() - started, 3))


def each_result(subject: Subject, only: Sequence[str] = ()) -> Iterator[Result]:
    """One result after the other, for callers who show progress; `only` names the wanted checks."""
    for name, check in checks_for(subject.role).items():
        if not only or name in only:
            yield run_check(subject, check)


def run_contract_suite(
    command: Sequence[str],
    *,
    config: Mapping[str, Any] | None = None,
    role: Role | None = None,
    key: Callable[[dict[str, Any]], object] | None = None,
    durable: Callable[[], int] | None = None,
    env: Mapping[str, str] | None = None,
    patience_s: float = 15.0,
    only: Sequence[str] = (),
) -> Report:
    """Hold any command line against the contract; the parameters are those of `Subject`.

    Blocks until every check is done. Raises `ContractFailure` when the provider cannot even be described.
    """
    subject = Subject(command, config or {}, durable=durable, env=env or {}, patience_s=patience_s)
    if key is not None:
        subject = replace(subject, key=key)
    subject = prepare(subject, role)
    report = empty_report(subject)
    report.results += each_result(subject, only)
    return report


def empty_report(subject: Subject) -> Report:
    """The report on a prepared subject, before its first result."""
    description = subject.description
    return Report(description.name if description else "", description.version if description else "", subject.role, [])
