"""The identity of Microsoft Entra with which a namespace is reached where there is no connection string."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

    from asb_output_provider.config import AsbConfig


def credential(config: AsbConfig) -> TokenCredential:
    """The credential that `config` chooses. Asks nobody yet; safe for threads."""
    from azure import identity  # noqa: PLC0415 - slow to load, and a connection string needs none of it

    if config.credential == "managed_identity":
        return identity.ManagedIdentityCredential(client_id=config.client_id)
    if config.credential == "workload_identity":
        return identity.WorkloadIdentityCredential(client_id=config.client_id)
    if config.client_id is None:
        return identity.DefaultAzureCredential()
    return identity.DefaultAzureCredential(
        managed_identity_client_id=config.client_id, workload_identity_client_id=config.client_id
    )
