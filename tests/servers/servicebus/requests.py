"""Links on which clients ask: tokens at `$cbs`, and what cannot be said by transfers at `QUEUE/$management`."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from proton import Message, MessageException, int32, symbol

from tests.servers.servicebus.errors import INVALID, NOT_ALLOWED, ServiceError
from tests.servers.servicebus.operations import perform

if TYPE_CHECKING:
    from proton import Delivery, Receiver

    from tests.servers.servicebus.amqp import AmqpConnection

_CREDIT = 100


class Requests:
    """Answers each request on the link that this client's session has for answers of the same path."""

    def __init__(self, connection: AmqpConnection, link: Receiver, path: str) -> None:
        self._connection = connection
        self._link = link
        self._path = path
        link.flow(_CREDIT)

    def delivery(self, delivery: Delivery) -> None:
        if not delivery.readable or delivery.partial:
            return
        raw = self._link.recv(delivery.pending) or b""
        self._link.advance()
        self._link.flow(1)
        delivery.update(delivery.ACCEPTED)
        delivery.settle()
        request = Message()
        try:
            request.decode(raw)
        except MessageException:
            return  # nobody to answer
        try:
            status, text, body = self._perform(request)
            self._answer(request, status, text, body)
        except ServiceError as error:
            self._answer(request, error.status, str(error), {}, error.condition)

    def flow(self) -> None:
        """Only senders get credit."""

    def closed(self) -> None:
        self._connection.replies.pop((self._link.session, self._path), None)

    def _perform(self, request: Message) -> tuple[int, str, Any]:
        service = self._connection.service
        given: Any = request.properties  # which Proton declares to be None, always
        operation = str((given or {}).get("operation", ""))
        if self._path == "$cbs":
            if operation != "put-token":
                raise ServiceError(INVALID, f"There is no operation '{operation}' here.")
            service.keys.check(str(request.body), service.clock.now())
            self._connection.authorized = True
            return 202, "Accepted", None
        if not self._connection.authorized:
            raise ServiceError(NOT_ALLOWED, "Unauthorized access: no token was put.", status=401)
        queue = service.namespace.find(self._path.removesuffix("/$management"))
        body = perform(queue, operation.removeprefix("com.microsoft:"), request.body)
        return (204, "No Content", {}) if body is None else (200, "OK", body)

    def _answer(self, request: Message, status: int, text: str, body: Any, condition: str | None = None) -> None:
        # The claims-based security of AMQP spells these names with a dash, Service Bus does not.
        code, description = (
            ("status-code", "status-description") if self._path == "$cbs" else ("statusCode", "statusDescription")
        )
        properties = {code: int32(status), description: text}
        if condition is not None:
            properties["errorCondition"] = symbol(condition)
        answer = Message(body=body, properties=properties, correlation_id=request.id)
        link = self._connection.replies.get((self._link.session, self._path))
        if link is not None:
            link.delivery(uuid.uuid4().bytes)  # type: ignore[arg-type]  # tags are bytes
            link.stream(answer.encode())
            link.advance()
