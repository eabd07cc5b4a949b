"""A run's address and its word to systemd, from its start to its end."""

from __future__ import annotations

import json
import random
import re
import socket
import subprocess
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from orchestrator.errors import EXIT_DONE
from tests.integration.monitoring.conftest import DSTREAM

if TYPE_CHECKING:
    from tests.integration.monitoring.conftest import Shop


def test_a_run_is_served_and_tells_systemd_from_its_start_to_its_end(shop: Shop) -> None:
    shop.write()
    address = str(shop.folder / "notify")
    shop.environ |= {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "200000"}
    told: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.bind(address)
        out.settimeout(60)
        with shop.running() as run:
            assert run.address.startswith("http://127.0.0.1:")
            delivered = 0.0
            while delivered < 20:
                found = re.search(r"^dstream_delivered_records_total{(.*)} (\S+)$", run.scrape(), re.MULTILINE)
                if found:
                    assert found[1] == f'project="{shop.folder.name}",task="orders"'
                    assert float(found[2]) >= delivered
                    delivered = float(found[2])
            with urlopen(f"{run.address}/health", timeout=30) as answer:
                health = json.load(answer)
            assert (health["status"], health["state"], health["task"]) == ("ok", "running", "orders")
            while "READY=1" not in told or "WATCHDOG=1" not in told:
                told += out.recv(65536).decode().split("\n")
            assert "STOPPING=1" not in told
        while "STOPPING=1" not in told:
            told += out.recv(65536).decode().split("\n")
    assert run.process.returncode == EXIT_DONE
    with pytest.raises(OSError, match="refused"):
        urlopen(f"{run.address}/health", timeout=30)


def test_a_run_that_fails_is_unwell_while_it_backs_off(shop: Shop) -> None:
    shop.write(source="dies.py", more='restart {\n  backoff = "1h"\n  max_backoff = "1h"\n}\n')
    with shop.running() as run:
        text = ""
        while 'state="backing off",task="orders"} 1.0' not in text:
            text = run.scrape()
        with pytest.raises(OSError, match="503") as unwell:
            urlopen(f"{run.address}/health", timeout=30)
        health = json.loads(unwell.value.read())  # type: ignore[attr-defined]  # an HTTPError, which is an answer
    assert (health["status"], health["failures_in_a_row"]) == ("failing", 1)
    assert health["last_error"]
    assert re.search(r"^dstream_up\S+ 0.0$", text, re.MULTILINE)
    assert re.search(r"^dstream_failures_in_a_row\S+ 1.0$", text, re.MULTILINE)
    assert re.search(r'^dstream_last_error_info{code="[a-z_.]+"', text, re.MULTILINE)


def test_of_several_runs_each_has_the_next_port(shop: Shop) -> None:
    shop.write()
    file = shop.folder / "dstream.hcl"
    file.write_text(file.read_text() + file.read_text().replace('"orders"', '"others"'))
    first = free_ports(2)
    process = subprocess.Popen(
        [DSTREAM, "run", "orders", "others", "--metrics", str(first)],
        cwd=shop.folder,
        env=shop.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        told: set[str] = set()
        while len(told) < 2:
            line = process.stderr.readline()
            assert line, "it ended before it was served"
            told |= set(re.findall(r"metrics at http://127.0.0.1:(\d+)/metrics", line))
        assert told == {str(first), str(first + 1)}
        for number, task in enumerate(("orders", "others")):
            with urlopen(f"http://127.0.0.1:{first + number}/health", timeout=30) as answer:
                assert json.load(answer)["task"] == task
        process.terminate()
        process.communicate(timeout=60)
        assert process.returncode == EXIT_DONE
    finally:
        process.kill()
        process.communicate()


def test_without_what_opentelemetry_takes_a_run_says_so_in_one_line_and_goes_on(shop: Shop) -> None:
    shop.write(source="numbers.py", config="count = 5")
    absent = shop.folder / "absent" / "opentelemetry"
    absent.mkdir(parents=True)
    (absent / "__init__.py").touch()  # goes before the installed one, and has nothing in it
    shop.environ |= {"PYTHONPATH": str(absent.parent), "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    done = shop.command("run", "orders")
    assert (done.returncode, done.stdout.count("value")) == (EXIT_DONE, 5)
    said = [line for line in done.stderr.splitlines() if "OTEL_EXPORTER_OTLP_ENDPOINT" in line]
    assert len(said) == 1
    assert "pip install 'dstream-cli[otel]'" in said[0]


def free_ports(count: int) -> int:
    """The first of so many ports in a row that nobody has, and that the kernel gives nobody who asks for any."""
    while True:
        port = random.randrange(10_000, 30_000)
        try:
            for number in range(count):
                socket.create_server(("127.0.0.1", port + number)).close()
        except OSError:
            continue
        return port
