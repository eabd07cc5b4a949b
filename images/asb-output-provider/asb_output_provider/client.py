"""The client that sends, and what its failures mean."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.servicebus import ServiceBusClient, ServiceBusSender
from azure.servicebus.exceptions import (
    MessageSizeExceededError,
    MessagingEntityDisabledError,
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusQuotaExceededError,
)

from asb_output_provider.config import AsbConfig
from asb_output_provider.credentials import credential

ANSWER_S = 30.0
"""How long one attempt may take: connecting, and sending one batch."""

_REFUSALS = frozenset(
    (
        "amqp:decode-error",
        "amqp:invalid-field",
        "amqp:not-allowed",
        "amqp:not-implemented",
        "amqp:precondition-failed",
        "com.microsoft:argument-error",
        "com.microsoft:argument-out-of-range",
    )
)
"""What Service Bus says of messages that it will never take."""

_UNANSWERED = "amqp:unknown-error"
"""What the library says where the connection, or the link in it, ended while it waited."""


class SendError(Exception):
    """Base of what a send ends with; its text is what Service Bus said. The subclass says what helps."""


class Unavailable(SendError):
    """Busy, or out of reach: the same may succeed later."""


class Missing(SendError):
    """There is no such queue."""


class Disabled(SendError):
    """The queue takes nothing, because somebody switched it off."""


class Full(SendError):
    """The queue, or the namespace, has reached its quota."""


class Unauthorized(SendError):
    """The key or identity is not known, or may not send."""


class TooLarge(SendError):
    """More bytes than the queue takes at once."""


class Refused(SendError):
    """Something in the messages is not to Service Bus's liking."""


def open_client(config: AsbConfig) -> ServiceBusClient:
    """A client that tries once: who sends knows better how long to try again. Connects to nobody yet."""
    options: dict[str, Any] = {"retry_total": 0, "try_timeout": ANSWER_S}
    if config.ca_file is not None:
        options["connection_verify"] = config.ca_file
    if config.connection_string is not None:
        return ServiceBusClient.from_connection_string(config.connection_string.get_secret_value(), **options)
    return ServiceBusClient(config.target.host, credential(config), **options)


@contextmanager
def answered(sender: ServiceBusSender, *, within_s: float) -> Iterator[None]:
    """Break the connection that `sender` works on if that takes longer; the library then fails as for any broken one.

    Its own limit does not hold while it shakes hands: a server that takes the connection and says nothing would be
    waited for without end.
    """
    watch = threading.Timer(within_s, _break, [sender])
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


def _break(sender: Any) -> None:
    with suppress(AttributeError, OSError):  # not connected yet, or not any more
        sender._handler._connection._transport.sock.shutdown(socket.SHUT_RDWR)  # noqa: SLF001 - there is no other way


def quiet_library() -> None:
    """Keep what the client libraries log out of sight, tracebacks too, except at level debug: it is all said here."""
    if not logging.getLogger().isEnabledFor(logging.DEBUG):
        logging.getLogger("azure").setLevel(logging.CRITICAL)


def send_error(error: AzureError) -> SendError:
    """The one place where the library's exceptions get a meaning."""
    condition = _condition(error)
    words = _words(error)
    known: tuple[tuple[type[AzureError], type[SendError]], ...] = (
        (MessagingEntityNotFoundError, Missing),
        (MessagingEntityDisabledError, Disabled),
        (ServiceBusQuotaExceededError, Full),
        (ServiceBusAuthenticationError, Unauthorized),
        (ServiceBusAuthorizationError, Unauthorized),
        (ClientAuthenticationError, Unauthorized),
        (MessageSizeExceededError, TooLarge),
    )
    for theirs, ours in known:
        if isinstance(error, theirs):
            return ours(words)
    if condition == _UNANSWERED:
        return Unavailable("the connection broke before Service Bus answered")
    return Refused(words) if condition in _REFUSALS else Unavailable(words)


def _condition(error: AzureError) -> str:
    """The AMQP condition that the server named, if it did."""
    found = getattr(error.inner_exception, "condition", None)
    found = getattr(found, "value", found)
    return found.decode() if isinstance(found, bytes) else str(found or "")


def _words(error: AzureError) -> str:
    return " ".join(str(error.message).split())
