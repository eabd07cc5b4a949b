"""Infrastructure of a provider as one Pulumi program; needs the extra `dstream-sdk[pulumi]`.

Importing this package does not import Pulumi: only the lifecycle verbs do.
"""

from dstream_sdk.infra.infrastructure import PulumiInfrastructure
from dstream_sdk.infra.settings import PulumiSettings

__all__ = ["PulumiInfrastructure", "PulumiSettings"]
