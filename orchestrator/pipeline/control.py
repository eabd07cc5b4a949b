"""The way from another shell to a run: one JSON line to a socket in the state directory, one back.

A request is `{"request":"snapshot",…}`; its reply is `{"answer":{…}}`, or `{"error":{…}}` with the fields of a
`DstreamError`. Whoever may open the socket may ask: it belongs to the user alone, like the folder around it.
"""

from __future__ import annotations

import contextlib
import select
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from dstream_sdk.protocol import NOT_JSON
from orchestrator.errors import ConfigError, DstreamError, RunError, UnavailableError, Where, error_class
from orchestrator.relay.channel import Halt
from orchestrator.state.names import file_name

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Takes a request, returns its answer or raises `DstreamError`. Called on a thread of its own; must not block."""

LINE_LIMIT = 1024 * 1024
PATIENCE_S = 5.0
"""How long an asker waits for its answer, unless it says otherwise."""

HEARING_S = 1.0
"""How long the run hears a client out: it asks as soon as it is connected, and others may wait."""


class Controls:
    """The sockets of one state directory, one for each task that is being run."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / "control"

    def listen(self, task: str, answers: Mapping[str, Answer]) -> Listener:
        """Answer requests by their name until the listener is closed. The caller holds the task's lock.

        Raises `UnavailableError` (`control.unavailable`) where the state directory can hold no socket.
        """
        return Listener(self._path(task), answers)

    def ask(self, task: str, request: str, *, patience: float = PATIENCE_S, **fields: Any) -> dict[str, Any]:
        """Put a request to the process that runs the task and return its answer. Blocks, `patience` seconds at most.

        Raises `RunError` (`task.not_running`), `UnavailableError` (`control.unavailable`), or what the run
        answered.
        """
        line = msgspec.json.encode({"request": request, **fields}) + b"\n"
        path = self._path(task)
        try:
            with _short(path) as address, socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(patience)
                connection.connect(address)
                connection.sendall(line)
                reply = msgspec.json.decode(_read_line(connection, patience))
        except (FileNotFoundError, ConnectionRefusedError):
            hint = f"start it with `dstream run {task}`"
            raise RunError("task.not_running", f"task `{task}` is not being run from here", hint=hint) from None
        except (OSError, *NOT_JSON) as error:
            message = f"the run of task `{task}` does not answer: {error}"
            raise UnavailableError("control.unavailable", message, where=Where(file=str(path))) from error
        if "error" in reply:
            raise _error(reply["error"])
        answer: dict[str, Any] = reply["answer"]
        return answer

    def _path(self, task: str) -> Path:
        return self._folder / file_name(task, ".sock")


class Listener:
    """An open socket and the thread that answers on it; `close`, or leaving it, ends both."""

    def __init__(self, path: Path, answers: Mapping[str, Answer]) -> None:
        self._path = path
        self._answers = answers
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.unlink(missing_ok=True)  # of a run that was killed: whoever listened there has lost the lock
            with _short(path) as address:
                self._socket.bind(address)
            path.chmod(0o600)
            self._socket.listen()
        except OSError as error:
            self._socket.close()
            message = f"other shells cannot reach this run: {error.strerror or error}"
            raise UnavailableError("control.unavailable", message, where=Where(file=str(path))) from error
        self._halt = Halt()
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer no more. Idempotent; blocks for a client that is being heard."""
        if not self._halt.is_set:
            self._halt.set()
            self._thread.join()
            self._halt.close()
            self._socket.close()
            with contextlib.suppress(OSError):  # the next run of the task removes it
                self._path.unlink(missing_ok=True)

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        poll.register(self._halt, select.POLLIN)
        while True:
            poll.poll()
            if self._halt.is_set:
                return
            # A client that goes away, or says nothing for so long, has asked nothing.
            with contextlib.suppress(OSError), self._socket.accept()[0] as connection:
                connection.settimeout(HEARING_S)
                reply = self._reply(_read_line(connection, HEARING_S))
                connection.sendall(msgspec.json.encode(reply) + b"\n")

    def _reply(self, line: bytes) -> dict[str, Any]:
        try:
            return {"answer": self._answer(line)}
        except NOT_JSON as error:
            return {"error": _fields(ConfigError("control.unknown", f"a request that is no JSON: {error}"))}
        except DstreamError as error:
            return {"error": _fields(error)}
        except Exception as error:  # noqa: BLE001  # a fault of one answer must not leave all others unanswered
            failure = RunError("control.failed", f"the run could not answer: {type(error).__name__}")
            return {"error": _fields(failure)}

    def _answer(self, line: bytes) -> Mapping[str, Any]:
        request = msgspec.json.decode(line)
        name = request.get("request") if isinstance(request, dict) else None
        answer = self._answers.get(str(name))
        if answer is None:
            raise ConfigError("control.unknown", f"the run knows no request `{name}`", hint="it is another version")
        return answer(request)


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """The socket's address by way of a short link: an address holds some 100 bytes, and folders may be deep."""
    with tempfile.TemporaryDirectory(prefix="dstream-") as folder:
        link = Path(folder, "s")
        link.symlink_to(path.parent.absolute(), target_is_directory=True)
        yield str(link / path.name)


def _read_line(connection: socket.socket, seconds: float) -> bytes:
    """What comes up to a newline. Raises `OSError` where none comes in time."""
    until = time.monotonic() + seconds
    line = b""
    while not line.endswith(b"\n"):
        if time.monotonic() > until or len(line) > LINE_LIMIT:
            raise TimeoutError("no line came")
        chunk = connection.recv(64 * 1024)
        if not chunk:
            raise ConnectionResetError("it hung up")
        line += chunk
    return line


def _fields(error: DstreamError) -> dict[str, Any]:
    return {"code": error.code, "message": error.message, "hint": error.hint, "exit_code": error.exit_code}


def _error(fields: Mapping[str, Any]) -> DstreamError:
    return error_class(fields["exit_code"])(fields["code"], fields["message"], hint=fields["hint"])
