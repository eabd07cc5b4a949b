"""A run's figures for Prometheus, read when they are scraped."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from orchestrator.metrics.figures import COMMON_LABELS, FIGURES, Readings
from orchestrator.pipeline.live import Live


class RunCollector(Collector):
    """All of `FIGURES` of the run that `read` tells of, from one reading."""

    def __init__(self, read: Callable[[], Live], project: str) -> None:
        self._read = read
        self._readings = Readings(project)

    def collect(self) -> Iterator[Metric]:
        live = self._read()
        for figure in FIGURES:
            labels = (*COMMON_LABELS, *figure.labels)
            kind = CounterMetricFamily if figure.kind == "counter" else GaugeMetricFamily
            family = kind(figure.prometheus_name, figure.meaning, labels=labels)
            for own, value in self._readings.points(figure, live):
                family.add_metric([own[label] for label in labels], value)
            yield family
