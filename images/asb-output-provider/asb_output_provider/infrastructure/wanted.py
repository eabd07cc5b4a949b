"""Which queues a task shall have, given its tables and what is there already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from asb_output_provider.config import AsbConfig
from asb_output_provider.infrastructure.marks import Mark
from asb_output_provider.infrastructure.queues import FIXED, Queue, changes, wanted_properties
from asb_output_provider.infrastructure.survey import Found, Survey
from asb_output_provider.names import Table
from dstream_sdk import ProviderError


def wanted_queues(config: AsbConfig, names: Mapping[Table, str], owner: Mark, survey: Survey) -> list[Queue]:
    """A queue for every table, and those that a run made for tables it met."""
    queues = {name.lower(): _table_queue(config, table, name, owner, survey) for table, name in names.items()}
    for found in survey.ours:
        if found.mark is not None and found.mark.auto and found.name.lower() not in queues:
            # As it was made: nobody announces its table, whose settings it would be held to.
            mark = msgspec.structs.replace(found.mark, azure=owner.azure)
            queues[found.name.lower()] = Queue(found.name, found.properties, mark.text())
    return list(queues.values())


def refuse_strangers(config: AsbConfig, queues: Iterable[Queue], owner: Mark, survey: Survey) -> None:
    """Raises `ProviderError` where a queue is someone else's and may not be adopted, or not be as it is."""
    strangers = [found for queue in queues if not queue.ours and (found := survey.named(queue.name))]
    if strangers and not config.adopt:
        raise ProviderError(
            "; ".join(f"queue `{found.name}` {_made_by(found, owner)}" for found in strangers),
            hint="`adopt = true` sets such queues up and uses them, and `destroy` leaves them; or change `queue_name`",
        )
    for queue in queues:
        found = survey.named(queue.name)
        if not queue.ours and found is not None and must_be_replaced(found, queue):
            fixed = ", ".join(f"`{name}`" for name in sorted(FIXED & differences(found, queue).keys()))
            raise ProviderError(
                f"queue `{found.name}` {_made_by(found, owner)} with another {fixed}, which a queue keeps for good",
                hint="set `queues` or `queue_overrides` as the queue is, or change `queue_name`",
            )


def refuse_moved(owner: Mark, survey: Survey) -> None:
    """Raises `ProviderError` where queues are in Pulumi's state as what they would be no more.

    Pulumi would make them in the one way, find them there, and then delete them in the other.
    """
    made = [found for found in survey.ours if found.mark and not found.mark.auto and found.mark.azure != owner.azure]
    if made:
        how = "not made through Azure Resource Manager" if owner.azure else "made through Azure Resource Manager"
        change = "without" if owner.azure else "with"
        raise ProviderError(
            f"queue `{made[0].name}` was {how}, which cannot change",
            hint=f"`dstream destroy` it first, {change} `azure`",
        )


def differences(found: Found, queue: Queue) -> dict[str, list[Any]]:
    """By property, the value there and the value wanted."""
    there = {**found.properties, "user_metadata": found.user_metadata}
    return changes(there, {**queue.properties, "user_metadata": queue.user_metadata})


def must_be_replaced(found: Found, queue: Queue) -> bool:
    return bool(FIXED & differences(found, queue).keys())


def _table_queue(config: AsbConfig, table: Table, name: str, owner: Mark, survey: Survey) -> Queue:
    properties = wanted_properties(config.settings(table))
    found = survey.named(name)
    if found is None or survey.is_ours(found):
        return Queue(name, properties, owner.text())
    return Queue(name, properties, found.user_metadata, ours=False)


def _made_by(found: Found, owner: Mark) -> str:
    if found.mark is None:
        return "exists and was not made by dstream"
    project = "" if found.mark.project == owner.project else " of another project"
    return f"exists and was made for task `{found.mark.task}`{project}"
