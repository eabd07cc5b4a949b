"""Progress of several pulls at once: one bar for each reference on a terminal, two lines for each elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.cli.terminal import words

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from orchestrator.cli.terminal.screen import Screen
    from orchestrator.registry.image import PullEvent

_HERE = ("Download complete", "Pull complete", "Already exists")


class ParallelPulls:
    """Told of every event from one thread. To be closed, which leaves the terminal as it was."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._pulls: dict[str, _Layers] = {}
        self._bars: dict[str, TaskID] = {}
        self._progress = _progress(screen) if screen.interactive else None

    def event(self, event: PullEvent) -> None:
        layers = self._pulls.get(event.reference)
        if layers is None:
            layers = self._pulls[event.reference] = _Layers()
            if self._progress is None:
                self._screen.note(f"pulling {words.printable(event.reference)}")
            else:
                self._progress.start()
                self._bars[event.reference] = self._progress.add_task(
                    words.printable(event.reference), total=None, status=""
                )
        layers.take(event)
        if self._progress is not None:
            done, total = layers.size
            status = event.status if event.layer else ""
            self._progress.update(self._bars[event.reference], completed=done, total=total or None, status=status)

    def ended(self, reference: str, *, failed: bool) -> None:
        """This one is here, or will not be."""
        if reference not in self._pulls:
            return
        _, total = self._pulls[reference].size
        if self._progress is not None:
            bar = self._bars[reference]
            if failed:
                self._progress.update(bar, status="failed")
            else:
                self._progress.update(bar, completed=total or 1, total=total or 1, status="")
        elif not failed:
            size = f" ({words.size(total)})" if total else ": nothing to transfer"
            self._screen.note(f"pulled {words.printable(reference)}{size}")

    def close(self) -> None:
        """Idempotent."""
        if self._progress is not None:
            self._progress.stop()


class _Layers:
    """How much of one image or artifact is here, in bytes."""

    def __init__(self) -> None:
        self._of: dict[str, tuple[int, int]] = {}

    def take(self, event: PullEvent) -> None:
        if event.layer is None:
            return
        done, total = self._of.get(event.layer, (0, 0))
        if event.status == "Downloading":
            done, total = event.current or done, event.total or total
        elif event.status in _HERE:
            done = total
        self._of[event.layer] = done, total

    @property
    def size(self) -> tuple[int, int]:
        """What is here, and all that is known to come."""
        return sum(done for done, _ in self._of.values()), sum(total for _, total in self._of.values())


def _progress(screen: Screen) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    return Progress(
        TextColumn("  {task.description}", markup=False),
        BarColumn(bar_width=30),
        DownloadColumn(),
        TextColumn("{task.fields[status]}", markup=False),
        console=Console(stderr=True, no_color=not screen.color, highlight=False),
        transient=True,
    )
