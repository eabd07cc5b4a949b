"""Ctrl-C and SIGTERM: the first drains, the second kills; and a reader of stdout that goes away."""

from __future__ import annotations

import signal
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import EXIT_DONE, EXIT_FORCED_INT, EXIT_FORCED_TERM

if TYPE_CHECKING:
    from tests.cli.conftest import Project


def wait_for(process: subprocess.Popen[str], text: str, *, stderr: bool = False) -> None:
    """Read a stream of `process` up to the line that has `text`. pytest's timeout is the deadline."""
    stream = process.stderr if stderr else process.stdout
    assert stream is not None
    for line in stream:
        if text in line:
            return
    raise AssertionError(f"it ended without saying `{text}`")


def rest(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What is still to come on stdout and on stderr, to their ends."""
    assert process.stdout is not None
    assert process.stderr is not None
    return process.stdout.read(), process.stderr.read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_drains_and_everything_is_acknowledged(project: Project, number: int) -> None:
    project.task(config="interval = 0.005")
    with project.started("run", "orders") as process:
        wait_for(process, "value 20")
        process.send_signal(number)
        stdout, stderr = rest(process)
    assert process.returncode == EXIT_DONE
    assert "draining" in stderr
    last = int(f"20 {stdout}".split()[-1])
    assert f"{last} emitted = {last} relayed = {last} acknowledged" in stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, EXIT_FORCED_INT), (signal.SIGTERM, EXIT_FORCED_TERM)])
def test_the_second_signal_kills_an_input_that_will_not_drain(project: Project, number: int, code: int) -> None:
    project.task(source="stubborn.py")
    with project.started("run", "orders") as process:
        wait_for(process, "value 1")
        process.send_signal(number)
        wait_for(process, "draining", stderr=True)
        process.send_signal(number)
        _, stderr = rest(process)
    assert process.returncode == code
    assert "killed" in stderr
    assert "Traceback" not in stderr


def test_a_signal_ends_the_wait_for_an_engine_that_does_not_answer(project: Project) -> None:
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(project.folder / "no-engine.sock"))
        hung.listen()
        project.write(
            'task "orders" {\n  input { provider_image = "ghcr.io/katasec/a:v1" }\n'
            '  output { provider_image = "ghcr.io/katasec/b:v1" }\n}\n'
        )
        with project.started("run", "orders") as process:
            hung.accept()[0].close()  # the knock
            connection, _ = hung.accept()
            process.send_signal(signal.SIGINT)
            _, stderr = rest(process)
            connection.close()
    assert process.returncode == EXIT_DONE
    assert "stopped before anything was started" in stderr


def test_a_signal_while_providers_start_counts_nothing(project: Project) -> None:
    """Not `unknown emitted, 0 relayed, best-effort`, which is what nobody asked about."""
    (project.folder / "slow").write_text("#!/bin/sh\necho here >&2\nexec sleep 60\n")
    (project.folder / "slow").chmod(0o755)
    project.task(output=str(project.folder / "slow"))
    with project.started("run", "orders") as process:
        wait_for(process, "output | here", stderr=True)
        process.send_signal(signal.SIGINT)
        _, stderr = rest(process)
    assert process.returncode == EXIT_DONE
    assert "orders stopped before its input was read" in stderr
    assert "unknown" not in stderr


def test_a_reader_that_goes_away_drains_the_run(project: Project) -> None:
    project.task(config="interval = 0.005")
    with project.started("run", "orders") as process:
        wait_for(process, "value 3")
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        stderr = process.stderr.read()
        process.wait(timeout=60)
    assert process.returncode == EXIT_DONE
    assert "nobody reads stdout any more" in stderr
    assert "drained" in stderr
    assert "Traceback" not in stderr
    assert "BrokenPipe" not in stderr


def test_a_reader_that_was_never_there_is_no_traceback(project: Project) -> None:
    project.task()
    with project.started("validate") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        stderr = process.stderr.read()
        process.wait(timeout=60)
    assert process.returncode in (0, 1)
    assert all(line.startswith("not checked: ") for line in stderr.splitlines()), stderr


@pytest.mark.parametrize(
    "arguments", [("providers", "lock"), ("validate",), ("providers", "list"), ("providers", "catalog", "build")]
)
def test_a_signal_ends_the_wait_for_a_registry_that_does_not_answer(
    project: Project, arguments: tuple[str, ...]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hung:
        address = f"127.0.0.1:{hung.getsockname()[1]}"
        project.write(
            f'task "orders" {{\n  input {{ provider_ref = "{address}/a:v1" }}\n'
            f'  output {{ provider_ref = "{address}/b:v1" }}\n}}\n'
        )
        project.environ["DSTREAM_CATALOGS"] = f'["{address}/c"]'
        more = (address, "a") if "build" in arguments else ()
        with project.started(*arguments, *more) as process:
            connection, _ = hung.accept()
            assert connection.recv(1)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
            connection.close()
    assert process.returncode == EXIT_FORCED_INT
