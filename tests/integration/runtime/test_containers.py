"""Containers behind the seam: their streams, their ends and their removal, on a real engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import ConfigError, UnavailableError
from orchestrator.runtime.base import Exit, ImageProgram, Launch, Scope
from orchestrator.runtime.docker import DockerRuntime
from orchestrator.runtime.guard import Guard
from tests.streams import fill, read_all, read_line, read_some, write_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from docker import APIClient

    from orchestrator.runtime.container import RunningContainer

    Start = Callable[..., RunningContainer]

pytestmark = pytest.mark.engine


def test_bytes_come_back_in_order_and_stderr_apart(start: Start) -> None:
    running = start("echo log >&2; exec cat")
    sent = b"".join(b"%08d\n" % number for number in range(200_000))
    received = b""
    for offset in range(0, len(sent), 65536):
        chunk = sent[offset : offset + 65536]
        write_all(running.stdin, chunk)
        while len(received) < offset + len(chunk):
            received += read_some(running.stdout, 1 << 20)
    assert received == sent
    assert read_line(running.stderr) == b"log"


def test_the_first_words_are_not_missed_and_the_last_ones_neither(start: Start) -> None:
    running = start("echo first; head -c 300000 /dev/zero; echo last")
    received = read_all(running.stdout)
    assert received.startswith(b"first\n")
    assert received.endswith(b"\0last\n")
    assert len(received) == 300_011
    assert running.wait(60) == Exit(0)


def test_closing_stdin_is_end_of_file_and_leaves_stdout_open(start: Start) -> None:
    running = start("cat; echo after; exit 4")
    write_all(running.stdin, b"data\n")
    assert read_line(running.stdout) == b"data"
    running.stdin.close()
    assert read_all(running.stdout) == b"after\n"
    assert running.wait(60) == Exit(4)


def test_a_program_that_does_not_read_leaves_no_room(start: Start) -> None:
    running = start("read line; cat >/dev/null; echo read everything")
    assert fill(running.stdin) > 0
    write_all(running.stdin, b"\n")
    running.stdin.close()
    assert read_all(running.stdout) == b"read everything\n"


def test_a_write_to_a_dead_containers_stdin_does_not_fail(start: Start) -> None:
    running = start("exit 3")
    assert running.wait(60) == Exit(3)
    assert running.stdin.write(b"into the void") > 0
    assert read_all(running.stdout) == b""


def test_a_wait_that_runs_out_says_nothing(start: Start) -> None:
    assert start("read line").wait(0.01) is None


def test_a_program_without_a_handler_ends_on_the_signal(start: Start, api: APIClient, tools: ImageProgram) -> None:
    running = start("echo up; sleep 1000")
    assert read_line(running.stdout) == b"up"
    running.terminate()
    assert running.wait(60) == Exit(None, 15)
    running.terminate()
    running.kill()

    # The reason for the init process: without one it would have been process 1, which ignores the signal.
    bare = api.create_container(tools.image_id, ["sleep", "1000"], host_config=api.create_host_config(init=False))
    try:
        api.start(bare["Id"])
        api.kill(bare["Id"], "SIGTERM")
        assert api.exec_start(api.exec_create(bare["Id"], ["sh", "-c", "echo alive"])["Id"]) == b"alive\n"
    finally:
        api.remove_container(bare["Id"], force=True)


def test_a_handler_may_take_its_time(start: Start) -> None:
    running = start("trap 'echo draining; exit 7' TERM; echo up; while :; do sleep 0.1; done")
    assert read_line(running.stdout) == b"up"
    running.terminate()
    assert read_all(running.stdout) == b"draining\n"
    assert running.wait(60) == Exit(7)


def test_kill_ends_everything_in_the_container(start: Start) -> None:
    running = start("sleep 1000 & sleep 1000 & echo up; wait")
    assert read_line(running.stdout) == b"up"
    running.kill()
    assert read_all(running.stdout) == b""
    assert running.wait(60) == Exit(None, 9)


def test_too_much_memory_is_told_from_other_deaths(start: Start) -> None:
    exited = start("tail /dev/zero", memory=16 << 20).wait(60)
    assert exited == Exit(None, 9, oom_killed=True)
    assert str(exited) == "was killed: out of memory"


def test_dispose_leaves_no_container_no_connection_and_is_repeatable(
    runtime: DockerRuntime, tools: ImageProgram, api: APIClient
) -> None:
    runtime.start(Launch("output", tools, args=["cat"])).dispose(30)
    before = len(list(Path("/proc/self/fd").iterdir()))
    running = runtime.start(Launch("output", tools, args=["cat"]))
    running.dispose(30)
    running.dispose(30)
    assert runtime.leftovers() == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert api.containers(all=True, filters={"id": running.identity}) == []


def test_unread_output_does_not_hold_up_the_removal(start: Start, runtime: DockerRuntime) -> None:
    # More than all buffers on the way hold, and just about as much.
    flooding, full = start("cat /dev/zero"), start("head -c 1350000 /dev/zero")
    full.wait(1)
    for running in (flooding, full):
        running.dispose(20)
    assert runtime.leftovers() == []


def test_fencing_finds_and_removes_running_and_unstarted_containers(
    start: Start, engine: str, scope: Scope, tools: ImageProgram, api: APIClient
) -> None:
    running = start("sleep 1000")
    labels = {"io.dstream.project": scope.project, "io.dstream.task": "orders", "io.dstream.run": "run-0"}
    unstarted = api.create_container(tools.image_id, ["sleep", "1000"], labels=labels)["Id"]
    next_run = DockerRuntime(Scope(scope.project, "orders", "run-2"), engine_host=engine, guard=Guard())
    found = {leftover.identity: leftover.scope.run_id for leftover in next_run.leftovers()}
    assert found == {running.identity: "run-1", unstarted: "run-0"}
    for leftover in next_run.leftovers():
        next_run.remove(leftover, 20)
        next_run.remove(leftover, 20)
    assert next_run.leftovers() == []
    assert running.wait(60) == Exit(None, 9)
    other = DockerRuntime(Scope("another", "orders", "run-1"), engine_host=engine, guard=Guard())
    assert other.leftovers() == []


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"network": "no-such-network"}, "network.unknown"),
        ({"user": "nobodyhere"}, "provider.user"),
        ({"user": "nobodyhere", "writable": ["/state"]}, "provider.user"),
        ({"memory": 1000}, "provider.refused"),
    ],
)
def test_what_the_engine_refuses_is_said_and_leaves_nothing(
    start: Start, runtime: DockerRuntime, options: dict[str, object], code: str
) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(ConfigError) as caught:
        start("exit 0", **options)
    assert caught.value.code == code
    assert runtime.leftovers() == []
    runtime.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_an_image_that_names_no_program_is_refused(runtime: DockerRuntime, tools: ImageProgram) -> None:
    with pytest.raises(ConfigError) as caught:
        runtime.start(Launch("input", tools))
    assert caught.value.code == "provider.entrypoint"


def test_an_image_that_is_gone_is_named(runtime: DockerRuntime) -> None:
    with pytest.raises(UnavailableError) as caught:
        runtime.start(Launch("input", ImageProgram("example/counter:v1", f"sha256:{'0' * 64}")))
    assert caught.value.code == "image.absent"
    assert "example/counter:v1" in caught.value.message


def test_an_engine_that_is_not_there_is_named(scope: Scope, tmp_path: Path) -> None:
    host = f"unix://{tmp_path}/none.sock"
    with pytest.raises(UnavailableError) as caught:
        DockerRuntime(scope, engine_host=host, guard=Guard()).leftovers()
    assert caught.value.code == "engine.absent"
    assert host in caught.value.message


def test_it_is_known_what_a_container_takes(start: Start) -> None:
    running = start("i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done; echo burnt; exec cat")
    assert read_line(running.stdout) == b"burnt"
    usage = running.usage(20)
    assert usage is not None
    assert usage.cpu_s > 0.0
    assert 0 < usage.memory < (usage.memory_limit or 0)
    running.stdin.close()
    assert running.wait(60) == Exit(0)
    assert running.usage(20) is None
