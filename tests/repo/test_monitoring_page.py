"""The page on metrics tells what the code does."""

from __future__ import annotations

import re

from orchestrator.metrics.figures import figures_table
from tests.repo.tracked import REPOSITORY

PAGE = REPOSITORY / "docs" / "monitoring.md"


def test_the_table_of_metrics_is_the_codes() -> None:
    told = re.search(r"<!-- metrics:.*?-->\n(.*?)<!-- end of metrics -->", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert told
    assert told[1] == figures_table()
