"""Local processes behind the seam: streams, exits, and what a program finds around it."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import ConfigError, UnavailableError
from orchestrator.runtime.base import Exit, Launch, PathProgram, StreamBroken
from orchestrator.runtime.pipes import CAPACITY
from orchestrator.runtime.session import MARK
from tests.streams import fill, read_all, read_line, read_some, until, write_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.runtime.process import ProcessRuntime, RunningProcess

    Start = Callable[..., RunningProcess]
    Write = Callable[..., PathProgram]


def test_bytes_come_back_in_the_order_in_which_they_were_written(start: Start) -> None:
    running = start("exec cat")
    sent = os.urandom(CAPACITY // 2) + b"".join(b"%08d\n" % number for number in range(50_000))
    received = b""
    for offset in range(0, len(sent), 65536):
        chunk = sent[offset : offset + 65536]
        write_all(running.stdin, chunk)
        while len(received) < offset + len(chunk):
            received += read_some(running.stdout)
    assert received == sent


def test_a_program_that_does_not_read_leaves_no_room(start: Start, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    running = start(f"read line < {gate}; cat >/dev/null; echo read everything")
    taken = fill(running.stdin)
    assert 0 < taken <= CAPACITY
    gate.write_text("go\n")
    write_all(running.stdin, b"\n" + bytes(CAPACITY))
    running.stdin.close()
    assert read_all(running.stdout) == b"read everything\n"


def test_closing_stdin_is_end_of_file_and_leaves_stdout_open(start: Start) -> None:
    running = start("cat; echo after; exit 4")
    write_all(running.stdin, b"data\n")
    assert read_line(running.stdout) == b"data"
    running.stdin.close()
    running.stdin.close()
    assert read_all(running.stdout) == b"after\n"
    assert running.wait(60) == Exit(4)


def test_nothing_there_is_none_and_the_end_is_zero_each_time(start: Start) -> None:
    running = start("read line; echo out")
    buffer = memoryview(bytearray(10))
    assert running.stdout.read_into(buffer) is None
    write_all(running.stdin, b"\n")
    assert read_all(running.stdout) == b"out\n"
    assert running.stdout.read_into(buffer) == 0
    assert running.stdout.read_into(buffer) == 0


def test_what_an_exited_program_wrote_can_still_be_read(start: Start) -> None:
    running = start("head -c 500000 /dev/zero; echo last words >&2")
    assert running.wait(60) == Exit(0)
    assert len(read_all(running.stdout)) == 500_000
    assert read_all(running.stderr) == b"last words\n"


def test_writing_to_a_program_that_is_gone_is_a_broken_stream(start: Start) -> None:
    running = start("exit 0")
    running.wait(60)
    with pytest.raises(StreamBroken, match="Broken pipe"):
        running.stdin.write(b"data")


@pytest.mark.parametrize(
    ("line", "expected"),
    [("exit 0", Exit(0)), ("exit 3", Exit(3)), ("kill -KILL $$", Exit(None, 9)), ("kill -SEGV $$", Exit(None, 11))],
)
def test_the_exit_tells_status_from_signal(start: Start, line: str, expected: Exit) -> None:
    assert start(line).wait(10) == expected


def test_a_wait_that_runs_out_says_nothing(start: Start) -> None:
    assert start("read line").wait(0.01) is None


def test_terminate_reaches_the_program_which_may_take_its_time(start: Start) -> None:
    running = start("trap 'echo draining; exit 7' TERM; echo up; while :; do read line; done")
    assert read_line(running.stdout) == b"up"
    running.terminate()
    assert read_all(running.stdout) == b"draining\n"
    assert running.wait(60) == Exit(7)
    running.terminate()
    running.kill()


def test_a_grandchild_that_holds_the_pipe_is_killed_too(start: Start) -> None:
    running = start("sleep 1000 & echo $!")
    grandchild = int(read_line(running.stdout))
    assert running.wait(60) == Exit(0)
    assert running.stdout.read_into(memoryview(bytearray(1))) is None  # held open
    running.kill()
    assert read_all(running.stdout) == b""
    until(lambda: not _lives(grandchild), "the grandchild is dead")


def test_dispose_finds_a_grandchild_that_left_the_session(start: Start) -> None:
    running = start("setsid sleep 1000 & echo $!")
    grandchild = int(read_line(running.stdout))
    until(lambda: os.getsid(grandchild) == grandchild, "it has a session of its own")
    running.dispose(10)
    assert not _lives(grandchild)


def test_a_process_that_may_not_be_killed_is_named_as_left_behind(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = start("exec sleep 60")

    def refused(pid: int, number: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    with monkeypatch.context() as patched:
        patched.setattr(os, "kill", refused)
        with pytest.raises(UnavailableError) as left:
            running.dispose(0.2)
    assert left.value.code == "runtime.leftover"


def test_other_users_processes_may_be_hidden(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    read_text = Path.read_text

    def hidden(path: Path, **options: str) -> str:
        if path == Path("/proc/1/stat"):
            raise PermissionError(errno.EPERM, "Operation not permitted")
        return read_text(path, **options)

    monkeypatch.setattr(Path, "read_text", hidden)  # as under `mount -o hidepid=1 /proc`
    running = start("exec sleep 60")
    running.kill()
    assert running.wait(60) == Exit(None, signal.SIGKILL)


def test_dispose_leaves_no_process_no_zombie_no_descriptor_and_no_note(runtime: ProcessRuntime, tmp_path: Path) -> None:
    first = runtime.start(Launch("input", PathProgram("/bin/cat")))  # the guard's pipe is open from here on
    first.dispose(10)
    before = _descriptors()
    running = runtime.start(Launch("output", PathProgram("/bin/cat")))
    pid = int(running.identity.removeprefix("pid "))
    running.dispose(10)
    running.dispose(10)
    assert not Path(f"/proc/{pid}").exists()
    assert _descriptors() == before
    assert not list((tmp_path / "state" / "processes").iterdir())


def test_the_program_finds_the_same_surroundings_as_if_started_by_hand(start: Start, tmp_path: Path) -> None:
    line = "env; pwd; grep -E '^Sig(Blk|Ign)' /proc/self/status; ls /proc/self/fd"
    by_hand = subprocess.run(
        ["/bin/sh", "-c", line], env=os.environ, capture_output=True, check=True, stdin=subprocess.PIPE
    ).stdout
    found = read_all(start(line).stdout)
    added = {line for line in found.splitlines() if line.startswith(MARK.encode())}
    assert sorted(set(found.splitlines()) - added) == sorted(set(by_hand.splitlines()))
    here = read_all(start("echo $ADDED; pwd", env={"ADDED": "yes"}, working_directory=str(tmp_path)).stdout)
    assert here.decode() == f"yes\n{tmp_path}\n"


def test_an_empty_environment_stays_empty(
    runtime: ProcessRuntime, program: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        monkeypatch.delenv(name)
    running = runtime.start(Launch("input", program(f"#!{sys.executable} -IS\nimport os; print(list(os.environb))")))
    # An interpreter adds LC_CTYPE to an empty environment for itself; the one that launches must not hand that on.
    block = Path(f"/proc/{running.identity.removeprefix('pid ')}/environ").read_bytes()
    assert [entry.split(b"=")[0] for entry in block.split(b"\0") if entry] == [MARK.encode()]
    running.dispose(10)


def test_the_program_has_a_session_of_its_own(start: Start) -> None:
    running = start("read line")
    pid = int(running.identity.removeprefix("pid "))
    assert os.getsid(pid) == os.getpgid(pid) == pid != os.getsid(0)


def test_an_ignored_child_signal_does_not_hide_how_a_program_ended(start: Start) -> None:
    inherited = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert start("exit 3").wait(10) == Exit(3)
    finally:
        signal.signal(signal.SIGCHLD, inherited)


def test_a_file_that_is_not_there_is_missing(runtime: ProcessRuntime, tmp_path: Path) -> None:
    assert _refusal(runtime, PathProgram(str(tmp_path / "absent"))).code == "provider.missing"


def test_a_file_without_the_bit_gets_the_command_that_sets_it(runtime: ProcessRuntime, program: Write) -> None:
    file = program("#!/bin/sh\n", mode=0o644)
    error = _refusal(runtime, file)
    assert error.code == "provider.not_executable"
    assert error.hint == f"chmod +x {file.path}"


def test_a_directory_is_not_executable(runtime: ProcessRuntime, tmp_path: Path) -> None:
    error = _refusal(runtime, PathProgram(str(tmp_path)))
    assert (error.code, "is a directory" in error.message) == ("provider.not_executable", True)


def test_a_script_without_its_first_line_is_no_program(runtime: ProcessRuntime, program: Write) -> None:
    error = _refusal(runtime, program("echo hello\n"))
    assert error.code == "provider.exec_format"
    assert "#!/bin/sh" in str(error.hint)


def test_a_script_whose_interpreter_is_missing_names_it(runtime: ProcessRuntime, program: Write) -> None:
    error = _refusal(runtime, program("#!/opt/none/python9 -u\n"))
    assert (error.code, "`/opt/none/python9`" in error.message) == ("provider.no_interpreter", True)


def test_a_refused_program_leaves_nothing(runtime: ProcessRuntime, program: Write, tmp_path: Path) -> None:
    _refusal(runtime, program("no program"))
    assert runtime.leftovers() == []
    assert not list((tmp_path / "state" / "processes").iterdir())


def test_a_state_directory_that_cannot_be_written_starts_nothing(
    runtime: ProcessRuntime, program: Write, tmp_path: Path
) -> None:
    (tmp_path / "state").write_text("a file is in the way")
    started = tmp_path / "started"
    with pytest.raises(UnavailableError) as caught:
        runtime.start(Launch("input", program(f"#!/bin/sh\ntouch {started}\n")))
    assert caught.value.code == "state.unwritable"
    assert not started.exists()


def _refusal(runtime: ProcessRuntime, program: PathProgram) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        runtime.start(Launch("input", program))
    return caught.value


def _descriptors() -> list[str]:
    return sorted(entry.name for entry in Path("/proc/self/fd").iterdir())


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"
