"""A queue that a run makes for a table that has none yet."""

from __future__ import annotations

from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError

from asb_output_provider.admin import admin_error, open_admin
from asb_output_provider.client import Unavailable
from asb_output_provider.config import AsbConfig
from asb_output_provider.infrastructure.marks import Mark
from asb_output_provider.infrastructure.queues import wanted_properties
from asb_output_provider.names import Table


def create_queue(config: AsbConfig, table: Table, name: str, *, project: str, task: str) -> None:
    """Make it with the table's settings and the task's mark in one request: the next `init` knows it by that.

    Done too where somebody made it meanwhile. Raises `Unavailable` where the same may work later, else `ProviderError`.
    """
    mark = Mark(project, task, auto=True)
    properties: dict[str, Any] = dict(wanted_properties(config.settings(table)))
    with open_admin(config, tries=0) as admin:
        try:
            admin.create_queue(name, user_metadata=mark.text(), **properties)
        except ResourceExistsError:
            pass
        except AzureError as error:
            status = error.status_code if isinstance(error, HttpResponseError) else None
            if status is None or status == 429 or status >= 500:
                raise Unavailable(str(admin_error(config, error))) from error
            raise admin_error(config, error) from error
