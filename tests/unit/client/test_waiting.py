"""Waiting outlasts the network's absences, and ends when it should."""

from collections.abc import Iterable

import pytest

from certdesk.client.failures import ClientError
from certdesk.client.records import Enrollment, Form, Order, Requested
from certdesk.client.transport import Patience
from certdesk.client.waiting import LONGEST_PAUSE, Look, until_decided
from certdesk.domain.enrollment import Kind
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.states import RequestState

AWAY = ClientError(ErrorKind.UNAVAILABLE, "away")


class Waiter:
    """Waits on a clock that moves by its pauses."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self.patience = Patience(sleep=self.pauses.append, monotonic=lambda: sum(self.pauses))

    def wait(
        self, looks: Iterable[RequestState | Exception], *, wish: float | None = None, timeout: float | None = None
    ) -> str:
        """Return the status that waiting ends with."""
        return until_decided(_look(looks, wish), self.patience, usual_pause=60, timeout=timeout).status


def _look(looks: Iterable[RequestState | Exception], wish: float | None) -> Look:
    remaining = iter(looks)

    def look() -> tuple[Enrollment, float | None]:
        found = next(remaining)
        if isinstance(found, Exception):
            raise found
        blank = Enrollment("a", "FRA1", Form(Kind.MOBILE))
        return blank.acknowledge(Requested(Order("", ""), "FRA1-0000-0000", found, "")), wish

    return look


def test_it_ends_with_the_decision() -> None:
    """Requested and approved are waited through; the usual pause is the settings'."""
    waiter = Waiter()
    assert waiter.wait([RequestState.REQUESTED, RequestState.APPROVED, RequestState.REJECTED]) == "rejected"
    assert waiter.pauses == [60, 60]


@pytest.mark.parametrize(("wish", "pause"), [(5.0, 5.0), (0.0, 60), (0.01, 1.0), (1e9, LONGEST_PAUSE)])
def test_the_desks_wish_is_kept_within_reason(wish: float, pause: float) -> None:
    """Neither a busy loop nor a wait for years comes from the network."""
    waiter = Waiter()
    waiter.wait([RequestState.REQUESTED, RequestState.ISSUED], wish=wish)
    assert waiter.pauses == [pause]


def test_an_absence_in_between_is_waited_through() -> None:
    """A desk that is away for a while does not end the wait."""
    assert Waiter().wait([RequestState.REQUESTED, AWAY, AWAY, RequestState.ISSUED]) == "issued"


def test_an_absence_at_first_or_at_last_is_told() -> None:
    """A wrong address shows at once, and a timeout during an absence says so."""
    with pytest.raises(CertdeskError, match="away"):
        Waiter().wait([AWAY])
    with pytest.raises(CertdeskError, match="away"):
        Waiter().wait([RequestState.REQUESTED, AWAY], timeout=10)


def test_another_error_ends_it() -> None:
    """What does not pass by waiting is raised."""
    with pytest.raises(CertdeskError, match="gone"):
        Waiter().wait([RequestState.REQUESTED, CertdeskError(ErrorKind.NOT_FOUND, "gone")])


def test_the_timeout_is_kept_to_the_second() -> None:
    """The last pause is shortened, and followed by a last look."""
    waiter = Waiter()
    assert waiter.wait([RequestState.REQUESTED] * 3, timeout=100) == "requested"
    assert waiter.pauses == [60, 40]
