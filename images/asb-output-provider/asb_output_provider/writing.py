"""A batch of records, written to several queues at the same time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from asb_output_provider.queue_writer import Outgoing, QueueWriter
from asb_output_provider.routing import Route, Routes
from dstream_sdk import Envelope, Rejection

MOST_OPEN = 200
"""Queues that a connection is kept to. Each has a thread of the client library's that keeps it alive."""

_NO_TABLE = "its metadata has no `TableName`, and the config no `default_table`"


class Writing:
    """Of one run. `connect` makes the writer of a route's queue."""

    def __init__(
        self,
        routes: Routes,
        connect: Callable[[Route], QueueWriter],
        *,
        parallelism: int,
        most_open: int = MOST_OPEN,
    ) -> None:
        self._routes = routes
        self._connect = connect
        self._most_open = most_open
        self._threads = ThreadPoolExecutor(parallelism, thread_name_prefix="queue")
        self._writers: OrderedDict[str, QueueWriter] = OrderedDict()

    def write(self, batch: Sequence[Envelope]) -> list[Rejection]:
        """Have every record accepted by its queue, in order within each; returns those that cannot be.

        Raises `ProviderError`, once all queues are done: of several the first one's.
        """
        rejections: list[Rejection] = []
        by_queue: dict[str, list[Outgoing]] = {}
        for index, envelope in enumerate(batch):
            route = self._routes.of(envelope)
            if route is None:
                rejections.append(
                    Rejection(index, "no_table", "its metadata has no `TableName`, and the config no `default_table`")
                )
                continue
            if route.queue not in by_queue:
                by_queue[route.queue] = []
                self._use(route)
            by_queue[route.queue].append(Outgoing(index, route.message(envelope)))
        writing = [self._threads.submit(self._writers[queue].write, those) for queue, those in by_queue.items()]
        wait(writing)
        rejections += [one for done in writing for one in done.result()]
        self._close_idle()
        return rejections

    def reach(self, *, within_s: float) -> None:
        """Find out at one queue, if one is known already, whether there is a way in; at all it would take too long.

        Raises `ProviderError`.
        """
        route = self._routes.any()
        if route is not None:
            self._use(route)
            self._writers[route.queue].knock(within_s=within_s)

    def close(self) -> None:
        """Close every connection."""
        self._close(list(self._writers.values()))
        self._threads.shutdown()

    def _use(self, route: Route) -> None:
        if route.queue not in self._writers:
            self._writers[route.queue] = self._connect(route)
        self._writers.move_to_end(route.queue)

    def _close_idle(self) -> None:
        surplus = len(self._writers) - self._most_open
        self._close([self._writers.popitem(last=False)[1] for _ in range(surplus)])

    def _close(self, writers: Sequence[QueueWriter]) -> None:
        """Side by side: the client library takes some tenths of a second for each."""
        for closed in [self._threads.submit(writer.close) for writer in writers]:
            closed.result()
