"""An OpenTelemetry collector, as far as metrics over OTLP/HTTP go: takes what is well-formed and refuses the rest."""

from __future__ import annotations

import gzip
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # ships no types
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

PROTOBUF = "application/x-protobuf"
WAIT_S = 60.0


class Collector:
    """`with Collector() as collector`. Every request that it took can be had once, in order."""

    def __init__(self) -> None:
        self._taken: queue.SimpleQueue[ExportMetricsServiceRequest] = queue.SimpleQueue()
        taken = self._taken

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                request = ExportMetricsServiceRequest()
                try:
                    request.ParseFromString(body)
                    well_formed = self.headers.get("Content-Type") == PROTOBUF
                except DecodeError:
                    well_formed = False
                found = self.path == "/v1/metrics"
                answer = ExportMetricsServiceResponse().SerializeToString()
                self.send_response(404 if not found else 200 if well_formed else 400)
                self.send_header("Content-Type", PROTOBUF)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
                if found and well_formed:
                    taken.put(request)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def next(self) -> ExportMetricsServiceRequest:
        """The next request, once it has come."""
        return self._taken.get(timeout=WAIT_S)

    def last(self) -> ExportMetricsServiceRequest:
        """The newest of those that have come. At least one must have."""
        newest = self._taken.get(timeout=WAIT_S)
        while not self._taken.empty():
            newest = self._taken.get(timeout=WAIT_S)
        return newest

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


def metrics_of(request: ExportMetricsServiceRequest) -> Iterator[Metric]:
    """All metrics of one request."""
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            yield from scope.metrics


def values_of(metric: Metric) -> dict[tuple[tuple[str, str], ...], float]:
    """A metric's values by their attributes, sorted by name."""
    points = metric.sum.data_points if metric.HasField("sum") else metric.gauge.data_points
    return {
        tuple(sorted((one.key, one.value.string_value) for one in point.attributes)): (
            point.as_double if point.HasField("as_double") else float(point.as_int)
        )
        for point in points
    }
