"""The client that manages queues, and what its failures mean to the user."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError, ServiceRequestError
from azure.core.pipeline.transport import RequestsTransport
from azure.servicebus.management import ServiceBusAdministrationClient

from asb_output_provider.config import AsbConfig
from asb_output_provider.credentials import credential
from dstream_sdk import ProviderError

CONNECT_S, ANSWER_S, TRIES = 10, 60, 6

_ENDPOINT = re.compile(r"(?i)(^|;)\s*Endpoint\s*=[^;]*")


def open_admin(config: AsbConfig, *, tries: int = TRIES) -> ServiceBusAdministrationClient:
    """A client for `config`'s namespace, or for its `admin_endpoint`. Safe for threads; close it after use."""
    options: dict[str, Any] = {"connection_timeout": CONNECT_S, "read_timeout": ANSWER_S, "retry_total": tries}
    if config.ca_file is not None:
        options["connection_verify"] = config.ca_file
    endpoint = urlsplit(config.admin_endpoint or "")
    if endpoint.scheme == "http" or (config.target.emulated and not endpoint.scheme):
        options["transport"] = _PlainTransport(**options)
    if config.connection_string is None:
        return ServiceBusAdministrationClient(endpoint.netloc or config.target.host, credential(config), **options)
    text = config.connection_string.get_secret_value()
    if endpoint.netloc:
        text = _ENDPOINT.sub(lambda found: f"{found[1]}Endpoint=sb://{endpoint.netloc}/", text)
    return ServiceBusAdministrationClient.from_connection_string(text, **options)


@contextmanager
def administered(config: AsbConfig, *, tries: int = TRIES) -> Iterator[ServiceBusAdministrationClient]:
    """`open_admin`, closed again; what the library raises in its course is a `ProviderError`."""
    with open_admin(config, tries=tries) as admin:
        try:
            yield admin
        except AzureError as error:
            raise admin_error(config, error) from error


def admin_error(config: AsbConfig, error: AzureError) -> ProviderError:
    """What went wrong while queues were managed, and what to do about it."""
    where = config.admin_endpoint or config.target.host
    status = error.status_code if isinstance(error, HttpResponseError) else None
    if isinstance(error, ClientAuthenticationError) or status in (401, 403):
        return ProviderError(
            f"{where} refuses to let its queues be managed: {_words(error)}",
            hint="give a key with the right `Manage`, or the identity the role `Azure Service Bus Data Owner`",
        )
    if isinstance(error, ServiceRequestError):
        hint = "an emulator manages its queues at another port: see `admin_endpoint`" if config.target.emulated else ""
        return ProviderError(f"{where} cannot be reached: {_words(error)}", hint=hint)
    if status == 429:
        return ProviderError(f"{where} is too busy to manage queues", hint="try again in some minutes")
    return ProviderError(f"{where}: {_words(error)}")


class _PlainTransport(RequestsTransport):  # type: ignore[misc]  # the library hides its type behind a lazy import
    """Emulators speak HTTP, and the client library knows no other scheme than HTTPS."""

    def send(self, request: Any, **options: Any) -> Any:
        request.url = re.sub(r"^https:", "http:", request.url)
        return super().send(request, **options)


def _words(error: AzureError) -> str:
    """The error's first line: the rest repeats it, or is XML."""
    return str(error.message).strip().partition("\n")[0]
