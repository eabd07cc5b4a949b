"""What the service answers when it will not do what it is asked."""

from __future__ import annotations

BUSY = "com.microsoft:server-busy"
FORCED = "amqp:link:detach-forced"
FULL = "amqp:resource-limit-exceeded"
INVALID = "com.microsoft:argument-error"
LOCK_LOST = "com.microsoft:message-lock-lost"
MISSING = "amqp:not-found"
NOT_ALLOWED = "amqp:not-allowed"
SESSION_LOCK_LOST = "com.microsoft:session-lock-lost"
SESSION_TAKEN = "com.microsoft:session-cannot-be-locked"
TIMEOUT = "com.microsoft:timeout"
TOO_LARGE = "amqp:link:message-size-exceeded"
UNAUTHORIZED = "amqp:unauthorized-access"
UNKNOWN_MESSAGE = "com.microsoft:message-not-found"


class ServiceError(Exception):
    """One refusal, in the words of both protocols: AMQP's condition, HTTP's status and Service Bus's subcode."""

    def __init__(self, condition: str, text: str, *, status: int = 400, subcode: int = 40000) -> None:
        super().__init__(text)
        self.condition = condition
        self.status = status
        self.subcode = subcode


def missing(path: str) -> ServiceError:
    text = f"The messaging entity '{path}' could not be found."
    return ServiceError(MISSING, text, status=404, subcode=40400)


def lock_lost() -> ServiceError:
    text = "The lock supplied is invalid. Either the lock expired, or the message has already been removed."
    return ServiceError(LOCK_LOST, text, status=410)
