"""A report in the XML that test dashboards read (JUnit's)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from dstream_sdk.testing.suite import Report, Result

# XML 1.0 has no way to write these, and a provider's last words may hold anything.
_UNWRITABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: Report) -> bytes:
    """One `testsuite` with a `testcase` per promise; what the provider does not claim is `skipped`."""
    statuses = [result.status for result in report.results]
    suite = ElementTree.Element(
        "testsuite",
        name=_writable(report.heading),
        tests=str(len(statuses)),
        failures=str(statuses.count("failed")),
        errors="0",
        skipped=str(statuses.count("inapplicable")),
        time=f"{sum(result.seconds for result in report.results):.3f}",
    )
    for result in report.results:
        suite.append(_case(report.provider, result))
    ElementTree.indent(suite)
    document: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _case(provider: str, result: Result) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase", classname=_writable(provider), name=result.name, time=f"{result.seconds:.3f}"
    )
    message = _writable(result.message)
    if result.status == "failed":
        failure = ElementTree.SubElement(case, "failure", message=message.partition("\n")[0])
        failure.text = f"{result.promise}\n\n{message}"
    elif result.status == "inapplicable":
        ElementTree.SubElement(case, "skipped", message=message)
    return case


def _writable(text: str) -> str:
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)
