"""`/metrics` and `/health` as their clients see them."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING, get_args

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from orchestrator.errors import EXIT_ENVIRONMENT, UnavailableError
from orchestrator.metrics.address import Address
from orchestrator.metrics.server import AT_ONCE, MetricsServer
from orchestrator.pipeline.live import RunState
from tests.lives import live

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.pipeline.live import Live

LOOPBACK = Address("127.0.0.1", 0)


@contextmanager
def serving(now: Live) -> Iterator[Address]:
    server = MetricsServer(LOOPBACK, "shop")
    with server.expose(lambda: now) as address:
        assert address == str(server.address)
        yield server.address


def ask(address: Address, path: str, method: str = "GET", **headers: str) -> tuple[int, str, str]:
    """Status, content type and body."""
    connection = HTTPConnection(address.host, address.port, timeout=30)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, str(answer.getheader("Content-Type")), answer.read().decode()
    finally:
        connection.close()


def test_health_is_bad_while_a_run_fails_and_up_agrees() -> None:
    now = live()
    server = MetricsServer(LOOPBACK, "shop")
    with server.expose(lambda: now):
        for state in get_args(RunState):
            now = live(state=state, last_error="provider.exited: why")
            status, kind, body = ask(server.address, "/health")
            _, _, metrics = ask(server.address, "/metrics")
            well = state in ("starting", "standby", "running", "draining")
            assert (status, kind) == (200 if well else 503, "application/json")
            told = json.loads(body)
            assert (told["status"], told["state"]) == ("ok" if well else "failing", state)
            assert told["last_error"] == "provider.exited: why"
            assert f'dstream_up{{project="shop",task="orders"}} {float(well)}' in metrics


def test_metrics_come_in_the_format_that_is_asked_for() -> None:
    task = 'a "quoted"\\ täsk'
    with serving(live(task=task)) as address:
        for accept in ("", "text/plain", "application/openmetrics-text; version=1.0.0"):
            status, kind, body = ask(address, "/metrics?x=1", Accept=accept)
            openmetrics = "openmetrics" in accept
            assert (status, "openmetrics" in kind, body.endswith("# EOF\n")) == (200, openmetrics, openmetrics)
            parse = openmetrics_families if openmetrics else text_string_to_metric_families
            assert {sample.labels["task"] for family in parse(body) for sample in family.samples} == {task}


def test_nothing_else_is_there_and_head_has_no_body() -> None:
    with serving(live()) as address:
        assert ask(address, "/")[0] == 404
        assert ask(address, "/metrics", "POST")[0] == 501
        status, _, body = ask(address, "/health", "HEAD")
    assert (status, body) == (200, "")


def test_a_port_in_use_is_told_before_anything_else_happens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(UnavailableError) as refused:
            MetricsServer(address, "shop")
    assert refused.value.code == "metrics.unavailable"
    assert refused.value.exit_code == EXIT_ENVIRONMENT
    assert str(address) in refused.value.message
    assert "in use" in refused.value.message


def test_a_port_is_given_up_with_the_run_and_a_client_that_never_comes_to_its_end_does_not_hold_it() -> None:
    over = threading.Event()

    def go_on(client: socket.socket) -> None:
        with client:
            client.sendall(b"GET /health HTTP/1.0\r\nX: ")
            while not over.wait(0.02):
                client.sendall(b"x")

    with serving(live()) as address:
        client = socket.create_connection((address.host, address.port))
        talker = threading.Thread(target=go_on, args=(client,))
        talker.start()
        assert ask(address, "/health")[0] == 200
    MetricsServer(address, "shop").close()
    assert talker.is_alive()
    over.set()
    talker.join()


def test_more_clients_than_are_served_at_once_are_hung_up_on_and_the_next_is_served() -> None:
    with serving(live()) as address:
        place = (address.host, address.port)
        silent = [socket.create_connection(place) for _ in range(AT_ONCE)]
        with socket.create_connection(place, timeout=30) as one_too_many:
            assert one_too_many.recv(1) == b""
        for client in silent:
            client.close()
        while True:  # until they are seen gone
            try:
                status, _, _ = ask(address, "/health")
            except OSError:
                continue
            break
        assert status == 200


def test_a_reading_that_fails_is_logged_and_the_next_is_answered(capsys: pytest.CaptureFixture[str]) -> None:
    answers: list[Live] = []
    server = MetricsServer(LOOPBACK, "shop")
    with server.expose(lambda: answers[0]):
        with pytest.raises(ConnectionError):
            ask(server.address, "/health")
        answers.append(live())
        assert ask(server.address, "/health")[0] == 200
    assert "a metrics request failed" in capsys.readouterr().err
