"""A batch of records, written to several queues at the same time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

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

        Raises `ProviderError`, once the queues that it had begun with are done: of several the first one's.
        """
        rejections: list[Rejection] = []
        by_queue: dict[str, tuple[Route, list[Outgoing]]] = {}
        for index, envelope in enumerate(batch):
            route = self._routes.of(envelope)
            if route is None:
                rejections.append(Rejection(index, "no_table", _NO_TABLE))
                continue
            _, messages = by_queue.setdefault(route.queue, (route, []))
            messages.append(Outgoing(index, route.message(envelope)))
        writings = list(by_queue.values())
        for start in range(0, len(writings), self._most_open):
            rejections += self._written(writings[start : start + self._most_open])
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

    def _written(self, writings: Sequence[tuple[Route, Sequence[Outgoing]]]) -> list[Rejection]:
        """Write to so many queues as may be open. One that fails ends the run: none is begun with after it."""
        for route, _ in writings:
            self._use(route)
        self._close_idle()
        begun = [self._threads.submit(self._writers[route.queue].write, messages) for route, messages in writings]
        wait(begun, return_when=FIRST_EXCEPTION)
        done = [one for one in begun if not one.cancel()]
        wait(done)
        return [rejection for one in done for rejection in one.result()]

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
