"""The first page: what waits, what expires, what happened lately, and a chart of the last days."""

from collections.abc import Iterable
from dataclasses import dataclass

from certdesk.console.rendering import Renderer
from certdesk.console.routing import SIGNED_IN, Route, Visit
from certdesk.doors.answers import Answer
from certdesk.ra import RegistrationAuthority
from certdesk.ra.overview import MOST_COUNTED, DayCount

_WIDTH, _HEIGHT = 600, 120
_GRID_LINES = 3
_GAP = 0.3
"""The part of a day's width that is left between days."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle of the chart."""

    series: str
    """`submitted` or `decided`, which is also its class."""
    day: int
    count: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class GridLine:
    """A horizontal line."""

    y: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Requests and decisions by day, placed in a drawing of fixed size."""

    bars: tuple[Bar, ...]
    lines: tuple[GridLine, ...]
    submitted: int
    decided: int
    most: int
    """The highest bar's count."""
    first: int
    """The first day, in milliseconds."""
    width: int = _WIDTH
    height: int = _HEIGHT


def chart_of(days: tuple[DayCount, ...]) -> Chart:
    """Return the chart of some days, of which there is at least one."""
    most = max(1, *(max(day.submitted, day.decided) for day in days))
    step = _WIDTH / len(days)
    width = round(step * (1 - _GAP) / 2, 2)
    bars = [
        _bar(series, day.day, count, round(step * (number + _GAP / 2) + shift * width, 2), width, most)
        for number, day in enumerate(days)
        for shift, (series, count) in enumerate((("submitted", day.submitted), ("decided", day.decided)))
        if count
    ]
    return Chart(
        tuple(bars),
        tuple(GridLine(round(_HEIGHT * number / _GRID_LINES, 2)) for number in range(1, _GRID_LINES + 1)),
        sum(day.submitted for day in days),
        sum(day.decided for day in days),
        most,
        days[0].day,
    )


def _bar(series: str, day: int, count: int, x: float, width: float, most: int) -> Bar:
    height = round(max(count / most * _HEIGHT, 2), 2)
    return Bar(series, day, count, x, round(_HEIGHT - height, 2), width, height)


class HomePages:
    """The first page."""

    def __init__(self, ra: RegistrationAuthority, renderer: Renderer) -> None:
        self._ra = ra
        self._renderer = renderer

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        return (Route("GET", "/", SIGNED_IN, self.show),)

    async def show(self, visit: Visit) -> Answer:
        """Show what waits for the manager."""
        overview = await self._ra.overview(visit.by)
        return self._renderer.answer(
            visit, "home/show.html", overview=overview, chart=chart_of(overview.days), most=MOST_COUNTED
        )
