"""What a run needs of Service Bus, and whether it is there."""

from __future__ import annotations

from collections.abc import Iterator

from asb_output_provider.admin import administered
from asb_output_provider.client import open_client
from asb_output_provider.config import AsbConfig
from asb_output_provider.infrastructure.queues import changes, found_properties, wanted_properties
from asb_output_provider.queue_writer import QueueWriter
from asb_output_provider.tables import queue_names
from dstream_sdk import Context, Finding, ProviderError

ANSWERS_WITHIN_S = 10.0
MOST_NAMED = 10


def check(config: AsbConfig, context: Context) -> Iterator[Finding]:
    """Whether one of the queues can be written to and, as far as the credential may know it, whether all are there."""
    names = queue_names(config, context.streams).known
    if names:
        yield _send(config, context, next(iter(names.values())))
    yield from _queues(config, context)


def _send(config: AsbConfig, context: Context, queue: str) -> Finding:
    with open_client(config) as client:
        create = (lambda: None) if config.auto_create else None
        within_s = min(ANSWERS_WITHIN_S, config.retry_timeout)
        writer = QueueWriter(queue, client, context, retry_s=within_s, create=create)
        try:
            writer.knock(within_s=within_s)
        except ProviderError as error:
            return Finding("send", ok=False, message=error.message, remedy=error.hint)
        finally:
            writer.close()
    return Finding("send", ok=True, message=f"{config.target.host} lets queue `{queue}` be written to")


def _queues(config: AsbConfig, context: Context) -> Iterator[Finding]:
    try:
        with administered(config, tries=1) as admin:
            there = {queue.name.lower(): found_properties(queue) for queue in admin.list_queues()}
    except ProviderError as error:
        # To write, nobody needs to manage.
        yield Finding("manage", ok=not config.auto_create, message=error.message, remedy=error.hint)
        return
    yield Finding("manage", ok=True, message=f"queues of {config.target.host} may be managed")
    wanted = queue_names(config, context.streams).known
    missing = [name for name in wanted.values() if name.lower() not in there]
    if missing and not config.auto_create:
        remedy = f"dstream init {context.task}".rstrip()
        yield Finding("queues", ok=False, message=f"{_listed(missing)} missing", remedy=remedy)
    elif wanted:
        yield Finding("queues", ok=True, message=f"{len(wanted) - len(missing)} of {len(wanted)} queues are there")
    for table, name in wanted.items():
        if name.lower() not in there:
            continue
        for key, (found, want) in changes(there[name.lower()], wanted_properties(config.settings(table))).items():
            if key == "requires_session":
                message = f"queue `{name}` was made {'with' if found else 'without'} sessions"
                yield Finding("sessions", ok=False, message=message, remedy=f"queues.sessions = {str(found).lower()}")
            elif key == "requires_duplicate_detection" and want:
                message = f"queue `{name}` was made without duplicate detection: what a restart repeats stays in it"
                yield Finding("duplicates", ok=True, message=message)


def _listed(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    shown = ", ".join(f"`{name}`" for name in names[:MOST_NAMED])
    return f"queue{'s' * (len(names) > 1)} {shown}{f' and {more} more' if more > 0 else ''}"
