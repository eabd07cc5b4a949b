"""`python -m dstream_sdk.testing [OPTION…] -- COMMAND…`: the contract suite for any command line.

Exit status: 0 every promise kept, 1 one broken, 3 a wrong command line.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from dstream_sdk.testing.junit import junit
from dstream_sdk.testing.subject import ContractFailure, Subject
from dstream_sdk.testing.suite import Report, Result, checks_for, each_result, empty_report, prepare


def main(arguments: list[str] | None = None) -> int:
    """Run the suite and print each result as it is known, or with --json the report."""
    chosen = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # not without ending the provider
    subject = Subject(
        chosen.command,
        chosen.config,
        durable=_counter(chosen.durable) if chosen.durable else None,
        announcement=chosen.announcement,
        patience_s=chosen.patience,
    )
    if chosen.key:
        subject = replace(subject, key=_picker(chosen.key))
    show: Callable[[object], None] = (lambda _: None) if chosen.json else partial(print, flush=True)
    try:
        subject = prepare(subject, chosen.role)
    except (ContractFailure, OSError) as failure:
        undescribed = Result("describes_itself", "It replies to `describe`.", "failed", str(failure))
        report = Report(" ".join(chosen.command), "", chosen.role or "input", [undescribed])
        show(undescribed)
    else:
        report = empty_report(subject)
        show(report.heading)
        for result in each_result(subject, chosen.only or ()):
            report.results.append(result)
            show(result)
        show(report.summary)
    if chosen.json:
        print(msgspec.json.encode({**msgspec.to_builtins(report), "passed": report.passed}).decode())
    if chosen.junit:
        try:
            chosen.junit.write_bytes(junit(report))
        except OSError as error:
            print(f"error: the report cannot be written: {error}", file=sys.stderr)
            return 3
    return 0 if report.passed else 1


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(3, f"error: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m dstream_sdk.testing", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("command", nargs="+", help="what starts the provider, `docker run --rm -i IMAGE` included")
    parser.add_argument(
        "--config",
        type=_config,
        default={},
        metavar="JSON|@FILE",
        help="a config that the provider works with; in a file, its secrets are not seen in the list of processes",
    )
    parser.add_argument("--role", choices=("input", "output"), help="for a provider that is both")
    parser.add_argument(
        "--key", action="append", metavar="PATH", help="what of an envelope stays the same when read again: data.id"
    )
    parser.add_argument(
        "--durable", metavar="COMMAND", help="shell command that prints how many records are at the far side"
    )
    parser.add_argument(
        "--announcement",
        type=_text,
        metavar="JSON|@FILE",
        help="what an image's label or `provider.json` says; empty if it is missing",
    )
    parser.add_argument("--patience", type=float, default=15.0, metavar="SECONDS", help="for whatever should happen")
    checks = {*checks_for("input"), *checks_for("output")}
    parser.add_argument(
        "--only", action="append", choices=sorted(checks), metavar="CHECK", help="run this check alone; repeatable"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write the report as JUnit's XML too")
    return parser


def _text(text: str) -> str:
    try:
        return Path(text[1:]).read_text("utf-8", "replace") if text.startswith("@") else text
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text[1:]} cannot be read: {error.strerror}") from error


def _config(text: str) -> dict[str, Any]:
    try:
        config = json.loads(Path(text[1:]).read_text("utf-8") if text.startswith("@") else text)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text[1:]} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from error
    if not isinstance(config, dict):
        raise argparse.ArgumentTypeError("not a JSON object")
    return config


def _picker(paths: list[str]) -> Callable[[dict[str, Any]], object]:
    def pick(envelope: dict[str, Any]) -> object:
        found: list[Any] = []
        for path in paths:
            value: Any = envelope
            for name in path.split("."):
                value = value.get(name) if isinstance(value, dict) else None
            found.append(value)
        return found

    return pick


def _counter(command: str) -> Callable[[], int]:
    def count() -> int:
        answer = subprocess.run(command, shell=True, check=True, capture_output=True, text=True)  # noqa: S602 - the user's own
        return int(answer.stdout)

    return count


if __name__ == "__main__":
    sys.exit(main())
