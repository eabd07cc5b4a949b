"""`run --metrics`, `generate systemd`, and what the environment asks of a run."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import EXIT_CONFIG, EXIT_DONE, EXIT_ENVIRONMENT

if TYPE_CHECKING:
    from tests.cli.conftest import Project


def test_a_port_in_use_is_an_error_before_anything_starts(project: Project) -> None:
    project.task(config="count = 5")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = project.run("run", "orders", "--metrics", str(port))
    assert (done.code, done.stdout) == (EXIT_ENVIRONMENT, "")
    assert f"metrics cannot be served at 127.0.0.1:{port}: Address already in use" in done.stderr
    assert not (project.folder / ".dstream" / "state.db").exists()


def test_an_address_that_is_none_is_refused_and_json_tells_the_one_in_use(project: Project) -> None:
    project.task(config="count = 5")
    assert project.run("run", "orders", "--metrics", "here").code == EXIT_CONFIG
    events = project.run("--json", "run", "orders", "--metrics", "localhost:0").events
    assert [event["address"].rpartition(":")[0] for event in events if event["event"] == "metrics"] == ["localhost"]


@pytest.mark.parametrize(
    ("more", "warnings"),
    [({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, 1), ({"OTEL_SDK_DISABLED": "true"}, 0)],
)
def test_an_export_that_dstream_cannot_do_is_one_warning_and_one_that_is_off_none(
    project: Project, more: dict[str, str], warnings: int
) -> None:
    project.task(config="count = 5")
    project.environ |= {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", **more}
    done = project.run("run", "orders")
    assert (done.code, done.stdout.count("value")) == (EXIT_DONE, 5)
    assert done.stderr.count("dstream speaks `http/protobuf` only") == done.stderr.count("warning") == warnings


def test_a_unit_is_written_without_any_secret(project: Project) -> None:
    project.task(config='password = env("PASSWORD")')
    project.environ["PASSWORD"] = "hunter2!"
    printed = project.run("generate", "systemd", "orders", "--metrics", "9464")
    assert printed.code == EXIT_DONE
    assert "# A file of mode 0600 that sets PASSWORD\n" in printed.stdout
    assert f"--config {project.file} run orders --metrics 127.0.0.1:9464\n" in printed.stdout
    assert "hunter2!" not in printed.stdout + printed.stderr

    del project.environ["PASSWORD"]  # nothing needs to be set for it
    again = project.run("generate", "systemd", "orders", "--credentials", "--out", "orders.service")
    assert (again.code, again.stdout) == (EXIT_DONE, "")
    unit = (project.folder / "orders.service").read_text()
    assert "LoadCredential=PASSWORD:%E/dstream/orders/PASSWORD\n" in unit
    assert project.run("generate", "systemd", "orders", "--out", "no/such/folder").code == EXIT_ENVIRONMENT
    unknown = project.run("generate", "systemd", "order")
    assert unknown.code == EXIT_CONFIG
    assert "orders" in unknown.stderr


@pytest.mark.parametrize(
    ("path", "writable", "said"),
    [
        ('"/var/spool/letters/orders.jsonl"', ["{}", "/var/spool/letters"], ""),
        ('"../letters/orders.jsonl"', ["{}", "{}/../letters"], ""),
        ('"letters/orders.jsonl"', ["{}"], ""),
        ('"${env("SPOOL")}/orders.jsonl"', ["{}"], "add the folder of `dead_letter`'s `path` to `ReadWritePaths`"),
    ],
)
def test_a_unit_lets_the_run_write_its_dead_letters_wherever_they_are(
    project: Project, path: str, writable: list[str], said: str
) -> None:
    project.task()
    project.write(project.file.read_text().removesuffix("}\n") + f"  dead_letter {{\n    path = {path}\n  }}\n}}\n")
    done = project.run("generate", "systemd", "orders")
    expected = " ".join(f'"{os.path.normpath(folder.format(project.folder))}"' for folder in writable)
    assert f"ReadWritePaths={expected}\n" in done.stdout
    assert said in done.stderr
    assert bool(said) == bool(done.stderr)


def test_a_run_takes_its_secrets_from_systemds_credentials(project: Project) -> None:
    project.task(config='count = 5\n password = env("PASSWORD")')
    folder = project.folder / "credentials"
    folder.mkdir()
    (folder / "PASSWORD").write_text("hunter2!\n")
    assert project.run("run", "orders").code == EXIT_CONFIG
    project.environ["CREDENTIALS_DIRECTORY"] = str(folder)
    done = project.run("run", "orders")
    assert (done.code, done.stdout.count("value")) == (EXIT_DONE, 5)
    assert "hunter2!" not in done.stdout + done.stderr
