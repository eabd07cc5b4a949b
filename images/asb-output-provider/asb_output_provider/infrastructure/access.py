"""How Pulumi's process for queues comes to know the namespace: by its environment, which is written nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from azure.servicebus.management import ServiceBusAdministrationClient
from pydantic import SecretStr

from asb_output_provider.admin import open_admin
from asb_output_provider.config import AsbConfig
from asb_output_provider.infrastructure.marks import Mark

_CONNECTION_STRING = "DSTREAM_ASB_CONNECTION_STRING"
_ACCESS = "DSTREAM_ASB_ACCESS"
_KEYS = {"namespace", "credential", "client_id", "admin_endpoint", "ca_file"}


@dataclass(frozen=True, slots=True)
class Access:
    """`owner` is whose queues may be changed; with `allow_data_loss` also those that hold messages are deleted."""

    config: AsbConfig
    owner: Mark
    allow_data_loss: bool = False

    def admin(self) -> ServiceBusAdministrationClient:
        return open_admin(self.config)

    def environment(self) -> dict[str, str | SecretStr]:
        """The variables that `from_environment` reads."""
        config = self.config.model_dump(mode="json", include=_KEYS, exclude_none=True)
        access = {"config": config, "owner": self.owner, "allow_data_loss": self.allow_data_loss}
        variables: dict[str, str | SecretStr] = {_ACCESS: msgspec.json.encode(access).decode()}
        if self.config.connection_string is not None:
            variables[_CONNECTION_STRING] = self.config.connection_string
        return variables

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Access:
        """Raises `KeyError` outside of the processes that a lifecycle command started."""
        access = msgspec.json.decode(variables[_ACCESS], type=_Access)
        config = dict(access.config)
        if _CONNECTION_STRING in variables:
            config["connection_string"] = variables[_CONNECTION_STRING]
        return cls(AsbConfig.model_validate(config), access.owner, access.allow_data_loss)


def azure_environment(config: AsbConfig) -> dict[str, str]:
    """Variables for Pulumi's azure-native plugin: the subscription, and the identity to log in with."""
    if config.azure is None:
        return {}
    variables = {"ARM_SUBSCRIPTION_ID": config.azure.subscription_id}
    if config.credential == "managed_identity":
        variables["ARM_USE_MSI"] = "true"
    else:
        variables["ARM_USE_DEFAULT_AZURE_CREDENTIAL"] = "true"
    if config.client_id is not None:
        variables |= {"ARM_CLIENT_ID": config.client_id, "AZURE_CLIENT_ID": config.client_id}
    return variables


class _Access(msgspec.Struct):
    config: dict[str, object]
    owner: Mark
    allow_data_loss: bool
