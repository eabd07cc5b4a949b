"""Scrapes and examples, checked by Prometheus' own tool."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.metrics.figures import FIGURES
from tests.integration.monitoring.conftest import Shop

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).parents[3] / "examples"
_NAME = re.compile(r"\bdstream_[a-z_]+")


def promtool(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], input=text, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def scrape(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a run that has stored a checkpoint and heard stats."""
    shop = Shop(tmp_path_factory.mktemp("shop"))
    shop.write()
    with shop.running() as run:
        while True:  # pytest's timeout is the deadline
            text = run.scrape()
            if 'stat="queue"' in text and "\ndstream_checkpoint_age_seconds{" in text:
                return text


def test_a_scrape_is_what_prometheus_takes_and_finds_well_named(scrape: str) -> None:
    checked = promtool("check", "metrics", text=scrape)
    assert (checked.returncode, checked.stderr) == (0, "")
    broken = promtool(
        "check", "metrics", text=scrape.replace("dstream_relayed_records_total", "dstream_relayedRecords")
    )
    assert broken.returncode != 0


def test_a_scrape_has_every_figure_and_the_stats_that_have_a_name(scrape: str) -> None:
    told = set(re.findall(r"^# TYPE (\S+)", scrape, re.MULTILINE))
    assert told == {figure.prometheus_name for figure in FIGURES}
    assert set(re.findall(r'^dstream_provider_stat{.*stat="([^"]*)"', scrape, re.MULTILINE)) == {"lag_s", "queue"}
    assert re.search(r'^dstream_lag_seconds{.*role="input".*} 0.25$', scrape, re.MULTILINE)
    assert re.search(r"^dstream_checkpoint_age_seconds\S+ [0-9.e-]+$", scrape, re.MULTILINE)


def test_the_dashboard_and_the_alerts_ask_for_what_there_is_and_by_labels_that_it_has(scrape: str) -> None:
    told = set(re.findall(r"^# TYPE (\S+)", scrape, re.MULTILINE))
    asked = set(_NAME.findall((EXAMPLES / "prometheus" / "alerts.yml").read_text()))
    dashboard = json.loads((EXAMPLES / "grafana" / "dashboard.json").read_text())
    expressions = list(expressions_of(dashboard))
    assert len(expressions) >= 10
    for expression in expressions:
        asked.update(_NAME.findall(expression))
    assert asked <= told
    labels = {label for figure in FIGURES for label in (*figure.labels, "project", "task")}
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= labels


def test_every_expression_of_the_dashboard_is_one(tmp_path: Path) -> None:
    dashboard = json.loads((EXAMPLES / "grafana" / "dashboard.json").read_text())
    rules = [
        {"record": f"a:{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, expression in enumerate(expressions_of(dashboard))
    ]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))  # YAML is a superset of JSON
    checked = promtool("check", "rules", str(file))
    assert checked.returncode == 0, checked.stderr
    assert f"{len(rules)} rules found" in checked.stdout


def test_the_ids_of_panels_are_their_own_and_none_covers_another() -> None:
    panels = json.loads((EXAMPLES / "grafana" / "dashboard.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & cells
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_prometheus_takes_the_example_of_its_configuration() -> None:
    checked = promtool("check", "config", str(EXAMPLES / "prometheus" / "prometheus.yml"))
    assert checked.returncode == 0, checked.stderr
    assert "6 rules found" in checked.stdout


def expressions_of(dashboard: dict[str, list[dict[str, list[dict[str, str]]]]]) -> Iterator[str]:
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield target["expr"]
