"""What a collector gets of a run."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from orchestrator.errors import EXIT_DONE
from orchestrator.metrics.figures import FIGURES
from tests.servers.otlp import Collector, metrics_of, values_of

if TYPE_CHECKING:
    from tests.integration.monitoring.conftest import Shop


def test_a_collector_gets_the_same_figures_and_the_last_ones_at_the_end(shop: Shop) -> None:
    shop.write(source="numbers.py", config="count = 500")
    with Collector() as collector:
        shop.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.endpoint
        done = shop.command("run", "orders")
        assert done.returncode == EXIT_DONE, done.stderr
        assert "OpenTelemetry" not in done.stderr
        request = collector.last()
    metrics = {metric.name: metric for metric in metrics_of(request)}
    own = (("project", shop.folder.name), ("task", "orders"))
    for figure in FIGURES:
        # A figure that has no points, such as a lag that nobody reports, is not sent at all.
        if figure.name in metrics:
            metric = metrics[figure.name]
            assert (metric.unit, metric.description) == (figure.unit, figure.meaning)
            assert metric.HasField("sum") == (figure.kind == "counter")
            assert metric.sum.is_monotonic == (figure.kind == "counter")
            assert all(set(own) <= set(attributes) for attributes in values_of(metric))
    assert values_of(metrics["dstream.relayed_records"]) == {own: 500}
    assert values_of(metrics["dstream.delivered_records"]) == {own: 500}
    assert values_of(metrics["dstream.emitted_records"]) == {own: 500}
    attributes = {one.key: one.value.string_value for one in request.resource_metrics[0].resource.attributes}
    assert attributes["service.name"] == "dstream"
    assert attributes["service.instance.id"]


def test_figures_come_while_it_runs_under_the_name_and_headers_that_are_set(shop: Shop) -> None:
    shop.write()
    with Collector() as collector:
        shop.environ |= {
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{collector.endpoint}/v1/metrics",
            "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION": "gzip",
            "OTEL_METRIC_EXPORT_INTERVAL": "100",
            "OTEL_SERVICE_NAME": "shop-orders",
        }
        with shop.running():
            relayed = [0.0]
            while len(relayed) < 4 or not relayed[-1]:
                request = collector.next()
                for metric in metrics_of(request):
                    if metric.name == "dstream.relayed_records":
                        relayed += values_of(metric).values()
    assert relayed == sorted(relayed)
    attributes = {one.key: one.value.string_value for one in request.resource_metrics[0].resource.attributes}
    assert attributes["service.name"] == "shop-orders"


def test_a_collector_that_is_gone_is_told_once_and_the_run_is_none_the_worse(shop: Shop) -> None:
    shop.write(source="numbers.py", config="count = 500")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    shop.environ |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        "OTEL_METRIC_EXPORT_INTERVAL": "50",
    }
    done = shop.command("run", "orders")
    assert done.returncode == EXIT_DONE
    assert "500 emitted = 500 relayed = 500 acknowledged" in done.stderr
    assert done.stderr.count("metrics do not reach OpenTelemetry") == 1
    assert "Traceback" not in done.stderr
