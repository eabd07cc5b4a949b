"""Logs go to stderr, in the wanted form, without secrets."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from orchestrator.logs import LOGS, Format, Level, log
from orchestrator.redact import MASK, Redactor

SECRET = "hunter2-hunter2"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    yield stream
    LOGS.configure(level="warning", format="text", redactor=Redactor())


def configure(stream: io.StringIO, level: Level = "debug", format: Format = "text") -> None:  # noqa: A002
    LOGS.configure(level=level, format=format, redactor=Redactor([SECRET]), stream=stream)


def test_text_is_one_readable_line_per_event(stream: io.StringIO) -> None:
    configure(stream)
    log(task="orders").info("input is ready", version=3, path="/a b", text='say "x"\nend', none=None)
    (line,) = stream.getvalue().splitlines()
    time, rest = line.split(" ", 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", time)
    assert rest == ('info    input is ready task=orders version=3 path="/a b" text="say \\"x\\"\\nend" none=None')


def test_json_is_one_object_per_event(stream: io.StringIO) -> None:
    configure(stream, format="json")
    log(task="orders").bind(role="input").warning("slow", lag_s=1.5, tables=["a", "b"], where={"line": 1})
    event = json.loads(stream.getvalue())
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "slow",
        "level": "warning",
        "task": "orders",
        "role": "input",
        "lag_s": 1.5,
        "tables": ["a", "b"],
        "where": {"line": 1},
    }


@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_less_important_events_are_left_out(stream: io.StringIO, level: Level, written: list[str]) -> None:
    configure(stream, level=level)
    for each in ("debug", "info", "warning", "error"):
        getattr(log(), each)("event")
    assert [line.split()[1] for line in stream.getvalue().splitlines()] == written


@pytest.mark.parametrize("format", ["text", "json"])
def test_no_secret_is_written_wherever_it_stands(stream: io.StringIO, format: Format) -> None:  # noqa: A002
    class Thing:
        def __str__(self) -> str:
            return f"thing {SECRET}"

    configure(stream, format=format)
    bound = log(bound=SECRET)
    bound.error(f"failed: {SECRET}", text=SECRET, nested={"a": [SECRET, {SECRET: 1}]}, thing=Thing(), pair=(SECRET, 1))
    bound.error("bytes", data=SECRET.encode(), error=ValueError(SECRET))
    assert SECRET not in stream.getvalue()
    assert stream.getvalue().count(MASK) >= 9


def test_lines_of_several_threads_do_not_mix(stream: io.StringIO) -> None:
    configure(stream, format="json")
    threads = [
        threading.Thread(target=lambda: [log().info("x" * 500) for _ in range(50)])  # type: ignore[func-returns-value]
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(events) == 200


def test_closed_stream_does_not_fail_the_caller(stream: io.StringIO) -> None:
    configure(stream)
    log().error("first")
    stream.close()
    log().error("second")
    configure(io.StringIO())


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"}
    )


def test_stdout_is_never_written_to() -> None:
    done = run("from orchestrator.logs import log; log().error('häppened', a='b')")
    assert done.stdout == ""
    assert "error" in done.stderr
    assert "a=b" in done.stderr


def test_structlog_is_loaded_by_the_first_event_that_is_written() -> None:
    program = """if True:
        import sys
        from orchestrator.logs import log
        log().info("below the level")
        print("structlog" in sys.modules)
        log().error("above")
        print("structlog" in sys.modules)
    """
    assert run(program).stdout.split() == ["False", "True"]
