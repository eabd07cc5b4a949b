"""The contract suite's report as dashboards read it."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from dstream_sdk.testing import Report, Result
from dstream_sdk.testing.junit import junit


def report(*results: Result) -> Report:
    return Report("orders", "v1", "input", list(results))


def test_every_status_has_its_element_and_is_counted() -> None:
    kept = Result("keeps", "It keeps.", "passed", "", 0.25)
    broken = Result("breaks", "It holds.", "failed", "it does not\n  stderr: <oops>", 1.5)
    suite = ElementTree.fromstring(
        junit(report(kept, broken, Result("other", "It does.", "inapplicable", "not claimed")))
    )
    counted = {name: suite.get(name) for name in ("name", "tests", "failures", "errors", "skipped", "time")}
    assert counted == {
        "name": "orders v1 as input", "tests": "3", "failures": "1", "errors": "0", "skipped": "1", "time": "1.750",
    }  # fmt: skip
    assert [(case.get("name"), [child.tag for child in case]) for case in suite] == [
        ("keeps", []),
        ("breaks", ["failure"]),
        ("other", ["skipped"]),
    ]
    failure = suite[1][0]
    assert failure.get("message") == "it does not"
    assert failure.text == "It holds.\n\nit does not\n  stderr: <oops>"


@given(st.text())
def test_whatever_a_provider_said_the_report_can_be_read(said: str) -> None:
    suite = ElementTree.fromstring(junit(report(Result("breaks", "It holds.", "failed", said))))
    assert suite.get("failures") == "1"
