"""Where a run's figures can be read while it lasts: what `--metrics` and the environment ask for."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from orchestrator.systemd.notify import notifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from orchestrator.metrics.address import Address
    from orchestrator.pipeline.live import Expose

_OTLP_ENDPOINTS = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_OTLP_PROTOCOLS = ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


@contextlib.contextmanager
def exposed(
    address: Address | None,
    project: str,
    environ: Mapping[str, str],
    *,
    served: Callable[[str], None],
    warn: Callable[[str], None],
) -> Iterator[tuple[Expose, ...]]:
    """Who gets to read a run. `served` is told where its figures can be had, `warn` what cannot be done.

    Raises `UnavailableError` (`metrics.unavailable`) where `address` cannot be had.
    """
    with contextlib.ExitStack() as opened:
        to: list[Expose] = []
        if address is not None:
            from orchestrator.metrics.server import MetricsServer

            server = MetricsServer(address, project)
            opened.callback(server.close)
            served(str(server.address))
            to.append(server.expose)
        if (otlp := _otlp(project, environ, warn)) is not None:
            to.append(otlp)
        if (systemd := notifier(environ)) is not None:
            to.append(systemd.expose)
        yield tuple(to)


def _otlp(project: str, environ: Mapping[str, str], warn: Callable[[str], None]) -> Expose | None:
    endpoint = next((name for name in _OTLP_ENDPOINTS if environ.get(name)), None)
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_METRICS_EXPORTER") == "none"
    if endpoint is None or off:
        return None
    protocol = next((name for name in _OTLP_PROTOCOLS if environ.get(name)), None)
    if protocol is not None and environ[protocol] != "http/protobuf":
        warn(f"`{protocol}` is `{environ[protocol]}`: no metrics are sent, since dstream speaks `http/protobuf` only")
        return None
    try:
        from orchestrator.metrics.otlp import OtlpExport
    except ImportError:
        warn(f"`{endpoint}` is set, but no metrics are sent: `pip install 'dstream-cli[otel]'` adds what that takes")
        return None
    from importlib.metadata import version

    return OtlpExport(project, version("dstream-cli"), warn).expose
