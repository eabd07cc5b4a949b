"""The pages on metrics and alarms tell what there is."""

from __future__ import annotations

import re

from orchestrator.metrics.figures import figures_table
from tests.repo.tracked import REPOSITORY

PAGE = REPOSITORY / "docs" / "monitoring.md"


def test_the_table_of_metrics_is_the_codes() -> None:
    told = re.search(r"<!-- metrics:.*?-->\n(.*?)<!-- end of metrics -->", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert told
    assert told[1] == figures_table()


def test_the_alarms_of_the_guide_are_those_of_the_example() -> None:
    raised = re.findall(r"- alert: (\w+)", (REPOSITORY / "examples" / "prometheus" / "alerts.yml").read_text())
    guide = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(Dstream\w+)` \|", guide, re.MULTILINE) == raised
