"""What can be asked of a queue at its `$management` node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from proton import timestamp

from tests.servers.servicebus.errors import INVALID, ServiceError
from tests.servers.servicebus.message import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.servicebus.queue import Queue


def perform(queue: Queue, operation: str, body: Any) -> dict[str, Any] | None:
    """The answer's body; None for `no content`. Raises ServiceError."""
    operations: dict[str, Callable[[Queue, dict[str, Any]], dict[str, Any] | None]] = {
        "cancel-scheduled-message": _cancel,
        "get-message-sessions": _sessions,
        "get-session-state": _session_state,
        "peek-message": _peek,
        "receive-by-sequence-number": _receive_deferred,
        "renew-lock": _renew,
        "renew-session-lock": _renew_session,
        "schedule-message": _schedule,
        "set-session-state": _set_session_state,
        "update-disposition": _settle,
    }
    if operation not in operations:
        raise ServiceError("amqp:not-implemented", f"There is no operation '{operation}' here.", status=501)
    try:
        return operations[operation](queue, body)
    except (KeyError, TypeError, ValueError) as error:
        raise ServiceError(INVALID, f"The body of '{operation}' is wrong: {error}.") from error


def _peek(queue: Queue, body: dict[str, Any]) -> dict[str, Any] | None:
    found = queue.contents.since(body["from-sequence-number"], body["message-count"], body.get("session-id"))
    return {"messages": [{"message": message.wire()} for message in found]} if found else None


def _renew(queue: Queue, body: dict[str, Any]) -> dict[str, Any]:
    return {"expirations": [timestamp(int(queue.renew(token) * 1000)) for token in body["lock-tokens"]]}


def _schedule(queue: Queue, body: dict[str, Any]) -> dict[str, Any]:
    stored = queue.accept([Message(bytes(one["message"])) for one in body["messages"]])
    return {"sequence-numbers": [message.number for message in stored]}


def _cancel(queue: Queue, body: dict[str, Any]) -> dict[str, Any]:
    for message in queue.contents.to_come(body["sequence-numbers"]):
        queue.remove(message)
    return {}


def _settle(queue: Queue, body: dict[str, Any]) -> dict[str, Any]:
    status = body["disposition-status"]
    for token in body["lock-tokens"]:
        match status:
            case "completed":
                queue.complete(token)
            case "abandoned":
                queue.abandon(token)
            case "defered":
                queue.defer(token)
            case "suspended":
                reason, text = body.get("deadletter-reason"), body.get("deadletter-description")
                queue.dead_letter(token, reason or "", text or "")
            case _:
                raise ServiceError(INVALID, f"There is no disposition '{status}'.")
    return {}


def _receive_deferred(queue: Queue, body: dict[str, Any]) -> dict[str, Any]:
    answers = []
    for message in queue.contents.deferred(body["sequence-numbers"]):
        if body["receiver-settle-mode"]:
            queue.lock(message)
            answers.append({"message": message.wire(), "lock-token": message.token})
        else:
            queue.remove(message)
            answers.append({"message": message.wire()})
    return {"messages": answers}


def _sessions(queue: Queue, body: dict[str, Any]) -> dict[str, Any] | None:
    waiting = [one.session_id for one in queue.sessions if not one.empty]
    return {"sessions-ids": waiting, "skip": 0} if waiting else None


def _renew_session(queue: Queue, body: dict[str, Any]) -> dict[str, Any]:
    return {"expiration": timestamp(int(queue.sessions.renew(body["session-id"]) * 1000))}


def _session_state(queue: Queue, body: dict[str, Any]) -> dict[str, Any]:
    return {"session-state": queue.sessions.of(body["session-id"]).state}


def _set_session_state(queue: Queue, body: dict[str, Any]) -> dict[str, Any]:
    given = body["session-state"]
    queue.set_session_state(body["session-id"], None if given is None else bytes(given))
    return {}
