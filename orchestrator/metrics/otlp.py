"""The same figures for OpenTelemetry, sent over OTLP/HTTP; asked for and set up by its environment variables."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, Resource

from orchestrator.metrics.figures import FIGURES, Figure, Readings
from orchestrator.pipeline.live import Live

CLOSE_S = 5.0


class OtlpExport:
    """Sends a run's figures every `OTEL_METRIC_EXPORT_INTERVAL`, and a last time when the run is over.

    `warn` is told, once, when they do not arrive; the run goes on.
    """

    def __init__(self, project: str, version: str, warn: Callable[[str], None]) -> None:
        self._project = project
        self._version = version
        self._warn = warn

    @contextmanager
    def expose(self, read: Callable[[], Live]) -> Iterator[None]:
        """See `orchestrator.pipeline.live.Expose`. Leaving it blocks `CLOSE_S` at most."""
        resource = Resource.create({"service.instance.id": read().run_id, "service.version": self._version})
        if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
            resource = resource.merge(Resource({SERVICE_NAME: "dstream"}))
        with _heard(self._warn):
            reader = PeriodicExportingMetricReader(OTLPMetricExporter())
            provider = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
            meter = provider.get_meter("dstream", self._version)
            readings = Readings(self._project)
            for figure in FIGURES:
                make = meter.create_observable_counter if figure.kind == "counter" else meter.create_observable_gauge
                make(figure.name, [_callback(figure, readings, read)], unit=figure.unit, description=figure.meaning)
            try:
                yield
            finally:
                provider.shutdown(timeout_millis=CLOSE_S * 1000)


def _callback(
    figure: Figure, readings: Readings, read: Callable[[], Live]
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    return lambda _: [Observation(value, labels) for labels, value in readings.points(figure, read())]


@contextmanager
def _heard(warn: Callable[[str], None]) -> Iterator[None]:
    """The SDK tells of its troubles by `logging`, whose own way out is an unformatted line on stderr."""
    logger = logging.getLogger("opentelemetry")
    handler = _Once(warn)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


class _Once(logging.Handler):
    def __init__(self, warn: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._warn = warn
        self._told = False

    def emit(self, record: logging.LogRecord) -> None:
        if not self._told:
            self._told = True
            self._warn(f"metrics do not reach OpenTelemetry: {record.getMessage()}")
