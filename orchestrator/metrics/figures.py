"""What a run tells monitoring: each figure once, by the name, unit and labels that all who export it use."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from orchestrator.metrics.health import healthy
from orchestrator.pipeline.live import Live, RunState

Point = tuple[tuple[str, ...], float]
"""The values of a figure's own labels, and its value."""

COMMON_LABELS = ("project", "task")

STATS_NAMED = 50
"""Stats of one provider that are exported; a provider that makes up names must not fill a monitoring system."""

_STAT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}")
_LARGEST = 1e300
_SUFFIXES = {"s": "_seconds", "By": "_bytes"}


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. `name` and `unit` are OpenTelemetry's: dots between words, units as UCUM writes them.

    `labels` come besides `COMMON_LABELS`. `read` gives no point for what is not known.
    """

    name: str
    kind: Literal["counter", "gauge"]
    meaning: str
    read: Callable[[Live], Iterable[Point]]
    unit: str = ""
    labels: tuple[str, ...] = ()

    @property
    def prometheus_name(self) -> str:
        """The name that Prometheus makes of it, and a collector that translates between them."""
        name = self.name.replace(".", "_") + _SUFFIXES.get(self.unit, "")
        return f"{name}_total" if self.kind == "counter" else name


class Readings:
    """Reads figures for one exporter, which sees no counter fall. Thread-safe."""

    def __init__(self, project: str) -> None:
        self._project = project
        self._busy = threading.Lock()
        self._highest: dict[str, dict[tuple[str, ...], float]] = {}
        self._named: dict[str, set[str]] = {}

    def points(self, figure: Figure, live: Live) -> list[tuple[dict[str, str], float]]:
        """The figure's points with all their labels."""
        with self._busy:
            points = dict(figure.read(live))
            if figure.kind == "counter":
                points = self._risen(figure.name, points)
            elif "stat" in figure.labels:
                points = {labels: value for labels, value in points.items() if self._admitted(*labels)}
        common = {"project": self._project, "task": live.task}
        return [({**common, **dict(zip(figure.labels, own, strict=True))}, value) for own, value in points.items()]

    def _risen(self, name: str, points: Mapping[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
        """A run's figures are read without stopping it, and while it begins anew some are not known."""
        highest = self._highest.setdefault(name, {})
        for labels, value in points.items():
            highest[labels] = max(value, highest.get(labels, value))
        return dict(highest)

    def _admitted(self, role: str, stat: str) -> bool:
        named = self._named.setdefault(role, set())
        if stat not in named and len(named) < STATS_NAMED:
            named.add(stat)
        return stat in named


def _one(value: float | None) -> list[Point]:
    return [] if value is None else [((), float(value))]


def _acknowledged(live: Live) -> int | None:
    delivered = live.counts.delivered
    return None if delivered is None else delivered + live.counts.rejected


def _age(live: Live) -> float | None:
    # The wall clock may have been set back since.
    return None if live.checkpoint is None else max(0.0, time.time() - live.checkpoint.saved_at)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -_LARGEST < value < _LARGEST


def _stats(live: Live) -> Iterable[Point]:
    for role, stats in live.stats.items():
        for name, value in stats.items():
            if _number(value) and _STAT_NAME.fullmatch(name):
                yield (role, name), float(value)


def _last_error(live: Live) -> Iterable[Point]:
    code = re.match(r"[a-z_]+(\.[a-z_]+)+(?=:)", live.last_error or "")
    return [((code[0],), 1.0)] if code else []


FIGURES: tuple[Figure, ...] = (
    Figure(
        "dstream.up",
        "gauge",
        "1 while the run starts, stands by, runs or drains, and 0 while it fails: what `/health` says",
        lambda live: _one(healthy(live.state)),
    ),
    Figure(
        "dstream.run_state",
        "gauge",
        "1 for the state that the run is in, 0 for the others",
        lambda live: [((state,), float(state == live.state)) for state in get_args(RunState)],
        labels=("state",),
    ),
    Figure(
        "dstream.run_info",
        "gauge",
        "Always 1; the labels tell which run it is and what it promises",
        lambda live: [((live.run_id, live.delivery), 1.0)],
        labels=("run_id", "delivery"),
    ),
    Figure(
        "dstream.provider_info",
        "gauge",
        "Always 1; the labels tell what plays each role",
        lambda live: [((role, one.program, one.digest or ""), 1.0) for role, one in live.providers.items()],
        labels=("role", "program", "digest"),
    ),
    Figure(
        "dstream.run_start_time", "gauge", "When the run began, in Unix time", lambda live: _one(live.started_at), "s"
    ),
    Figure(
        "dstream.emitted_records",
        "counter",
        "Records that the input says it wrote, known once it has ended",
        lambda live: _one(live.counts.emitted),
        "{record}",
    ),
    Figure(
        "dstream.relayed_records",
        "counter",
        "Records handed from the input to the output; what an attempt repeats counts again",
        lambda live: _one(live.counts.relayed),
        "{record}",
    ),
    Figure(
        "dstream.relayed",
        "counter",
        "Bytes of these records",
        lambda live: _one(live.counts.bytes),
        "By",
    ),
    Figure(
        "dstream.acknowledged_records",
        "counter",
        "Records that the output dealt with: delivered or rejected",
        lambda live: _one(_acknowledged(live)),
        "{record}",
    ),
    Figure(
        "dstream.delivered_records",
        "counter",
        "Records that the output delivered; absent where it acknowledges nothing",
        lambda live: _one(live.counts.delivered),
        "{record}",
    ),
    Figure(
        "dstream.rejected_records",
        "counter",
        "Records that the output can never write, kept as dead letters",
        lambda live: _one(live.counts.rejected),
        "{record}",
    ),
    Figure(
        "dstream.in_flight_records",
        "gauge",
        "Records relayed and not yet acknowledged",
        lambda live: _one(live.in_flight),
        "{record}",
    ),
    Figure(
        "dstream.dead_letters",
        "gauge",
        "Dead letters that the task has, those of earlier runs included",
        lambda live: _one(live.dead_letters),
        "{record}",
    ),
    Figure(
        "dstream.restarts",
        "counter",
        "Attempts after the first",
        lambda live: _one(live.restarts),
        "{restart}",
    ),
    Figure(
        "dstream.failures_in_a_row",
        "gauge",
        "Attempts that failed without a good while between them: above 2 it is a crash loop",
        lambda live: _one(live.failures_in_a_row),
        "{failure}",
    ),
    Figure(
        "dstream.last_error_info",
        "gauge",
        "Always 1; the label is the code of the newest error, which stays when the run is well again",
        _last_error,
        labels=("code",),
    ),
    Figure(
        "dstream.checkpoint_age",
        "gauge",
        "Time since the newest checkpoint became durable; absent before the task has one",
        lambda live: _one(_age(live)),
        "s",
    ),
    Figure(
        "dstream.lag",
        "gauge",
        "How far a provider says it is behind: its stat `lag_s`",
        lambda live: [((role,), value) for (role, name), value in _stats(live) if name == "lag_s"],
        "s",
        labels=("role",),
    ),
    Figure(
        "dstream.provider_stat",
        "gauge",
        "Each number among a provider's newest stats, at most 50 of each provider",
        _stats,
        labels=("role", "stat"),
    ),
)


def figures_table() -> str:
    """Every figure as a Markdown table."""
    lines = ["| Metric | Labels | Meaning |", "|---|---|---|"]
    for figure in FIGURES:
        labels = ", ".join(f"`{label}`" for label in figure.labels)
        lines.append(f"| `{figure.prometheus_name}` | {labels} | {figure.meaning} |")
    return "\n".join(lines) + "\n"
