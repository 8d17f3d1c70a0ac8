"""Counts of HTTP requests, kept so cheaply that every request is counted, and shown to Prometheus.

The counts of all server processes stand in one shared memory, a region for each, so that whichever process
answers `/metrics` shows the sum. A process writes to its own region only.
"""

import mmap
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
"""Upper bounds of the histogram's buckets, in seconds."""

_ROWS = 256
_KEY = 128  # bytes: "METHOD status route"
_NUMBERS = 1 + len(BOUNDS) + 1  # the sum of seconds, the buckets, and the last bucket without a bound
_ROW = _KEY + 8 * _NUMBERS
_REGION = _ROWS * _ROW
_OVERFLOW = "OTHER 0 other"

Series = tuple[str, str, str]
"""Method, status and route."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that something other than the doors knows, such as how many requests are waiting."""

    name: str
    help: str
    value: float
    counts: bool = False
    """Whether it only grows: a Prometheus counter, else a gauge."""
    labels: Mapping[str, str] = field(default_factory=dict)


def shared_memory(processes: int = 1) -> mmap.mmap:
    """Return memory for the counts of some processes; made before they are forked, they share it."""
    return mmap.mmap(-1, _REGION * processes)


class RequestMetrics:
    """Counts requests by method, status and route, and how long they took."""

    def __init__(self, memory: mmap.mmap | None = None, process: int = 0) -> None:
        self._memory = memory or shared_memory()
        self._process = process
        self._numbers = memoryview(self._memory).cast("d")
        self._rows = {key: row for row, key in _keys(self._memory, process)}
        self._index: dict[tuple[str, int, str], int] = {}
        self.answered = 0
        """How many requests this process has answered since its start."""

    def count(self, method: str, status: int, route: str, seconds: float) -> None:
        """Count a request that was answered after `seconds`."""
        index = self._index.get((method, status, route)) or self._place(method, status, route)
        self.answered += 1
        numbers = self._numbers
        numbers[index] += seconds
        numbers[index + 1 + bisect_left(BOUNDS, seconds)] += 1

    def _place(self, method: str, status: int, route: str) -> int:
        key = f"{method} {status} {route}"[:_KEY]
        if key not in self._rows and len(self._rows) >= _ROWS - 1:
            key = _OVERFLOW
        row = self._rows.setdefault(key, len(self._rows))
        start = self._process * _REGION + row * _ROW
        self._memory[start : start + _KEY] = key.encode().ljust(_KEY, b"\0")
        index = (start + _KEY) // 8
        self._index[method, status, route] = index
        return index

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of all processes; `CollectorRegistry` calls this."""
        counts: Counter[Series] = Counter()
        times: defaultdict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0] * _NUMBERS)
        for process in range(len(self._memory) // _REGION):
            for row, key in _keys(self._memory, process):
                method, status, route = key.split(" ", 2)
                start = (process * _REGION + row * _ROW + _KEY) // 8
                numbers = self._numbers[start : start + _NUMBERS].tolist()
                counts[method, status, route] += int(sum(numbers[1:]))
                total = times[method, route]
                total[:] = map(sum, zip(total, numbers, strict=True))
        yield _requests(counts)
        yield _durations(times)


def _keys(memory: mmap.mmap, process: int) -> Iterator[tuple[int, str]]:
    """Yield the rows in use of a process's region, with their keys."""
    for row in range(_ROWS):
        start = process * _REGION + row * _ROW
        key = memory[start : start + _KEY].rstrip(b"\0")
        if not key:
            return
        yield row, key.decode()


def _requests(counts: Counter[Series]) -> Metric:
    family = CounterMetricFamily(
        "certdesk_http_requests", "HTTP requests answered", labels=("method", "status", "route")
    )
    for series, value in counts.items():
        family.add_metric(series, value)
    return family


def _durations(times: Mapping[tuple[str, str], list[float]]) -> Metric:
    family = HistogramMetricFamily(
        "certdesk_http_request_seconds", "Time from a request's head to its answer", labels=("method", "route")
    )
    for labels, (seconds, *numbers) in times.items():
        buckets, below = [], 0.0
        for bound, number in zip((*map(str, BOUNDS), "+Inf"), numbers, strict=True):
            below += number
            buckets.append((bound, below))
        family.add_metric(labels, buckets, sum_value=seconds)
    return family


class _Figures:
    def __init__(self, figures: Iterable[Figure]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for figure in self._figures:
            if figure.name not in families:
                kind = CounterMetricFamily if figure.counts else GaugeMetricFamily
                families[figure.name] = kind(figure.name, figure.help, labels=tuple(figure.labels))
            families[figure.name].add_metric(tuple(figure.labels.values()), figure.value)
        yield from families.values()


def exposition(metrics: RequestMetrics, figures: Iterable[Figure]) -> bytes:
    """Return everything in Prometheus's text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(metrics)
    registry.register(_Figures(figures))
    ProcessCollector(registry=registry)
    return generate_latest(registry)
