"""Progress of the pulls of a run, one after the other: bars on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from orchestrator.cli.terminal import words

if TYPE_CHECKING:
    from rich.progress import TaskID

    from orchestrator.cli.terminal.screen import Screen
    from orchestrator.registry.image import PullEvent

_SHORT = 12


class Pulls(Protocol):
    def event(self, event: PullEvent) -> None: ...

    def close(self) -> None:
        """Leave the terminal as it was. Idempotent."""


class PlainPulls:
    """One line when a pull begins, one for each layer that is complete, one at the end."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._begun: set[str] = set()
        self._sizes: dict[tuple[str, str], int] = {}

    def event(self, event: PullEvent) -> None:
        if event.reference not in self._begun:
            self._begun.add(event.reference)
            self._screen.note(f"pulling {event.reference}")
        if event.layer is not None and event.total:
            self._sizes[event.reference, event.layer] = event.total
        if event.status == "Pull complete" and event.layer is not None:
            size = self._sizes.get((event.reference, event.layer))
            shown = f" ({words.size(size)})" if size else ""
            self._screen.note(f"  layer {event.layer[:_SHORT]} complete{shown}")
        elif event.status.startswith("Digest: "):
            self._screen.note(f"pulled {event.reference}@{event.status.removeprefix('Digest: ')}")

    def close(self) -> None:
        """Nothing to undo."""


class BarPulls:
    """A bar for every layer of the image that is being pulled, gone when it is complete."""

    def __init__(self, screen: Screen) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

        self._screen = screen
        self._progress = Progress(
            TextColumn("  {task.description}", markup=False),
            BarColumn(bar_width=30),
            DownloadColumn(),
            TextColumn("{task.fields[status]}", markup=False),
            console=Console(stderr=True, no_color=not screen.color, highlight=False),
            transient=True,
        )
        self._bars: dict[str, TaskID] = {}
        self._pulling: str | None = None

    def event(self, event: PullEvent) -> None:
        if event.reference != self._pulling:
            self.close()
            self._pulling = event.reference
            self._screen.note(f"pulling {event.reference}")
            self._progress.start()
        if event.layer is not None:
            self._layer(event.layer, event)
        elif event.status.startswith("Digest: "):
            self.close()
            self._screen.note(f"pulled {event.reference}@{event.status.removeprefix('Digest: ')}")

    def close(self) -> None:
        self._progress.stop()
        for bar in self._bars.values():
            self._progress.remove_task(bar)
        self._bars.clear()

    def _layer(self, layer: str, event: PullEvent) -> None:
        bar = self._bars.get(layer)
        if bar is None:
            bar = self._bars[layer] = self._progress.add_task(layer[:_SHORT], total=None, status=event.status)
        if event.status in ("Pull complete", "Already exists", "Download complete"):
            total = self._progress.tasks[self._progress.task_ids.index(bar)].total or 1
            self._progress.update(bar, total=total, completed=total, status=event.status)
        else:
            self._progress.update(bar, total=event.total, completed=event.current, status=event.status)
