"""Wait for a decision, however long it takes and however often the network goes away meanwhile."""

import math
from collections.abc import Callable

from certdesk.client.records import Enrollment
from certdesk.client.transport import Patience
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.states import PENDING

LONGEST_PAUSE = 3600.0
"""Seconds."""

Look = Callable[[], tuple[Enrollment, float | None]]
"""Asks the desk once; returns the enrollment and the seconds the desk would like to be left alone."""


def until_decided(look: Look, patience: Patience, *, usual_pause: float, timeout: float | None) -> Enrollment:
    """Look until the request is decided or `timeout` seconds have passed; None waits for ever.

    An unreachable desk ends it at the first look, which shows a mistake in the settings, and at the last.
    """
    deadline = patience.monotonic() + timeout if timeout is not None else math.inf
    enrollment, wish = look()
    failure: CertdeskError | None = None
    while enrollment.status in PENDING and (left := deadline - patience.monotonic()) > 0:
        patience.sleep(min(max(1.0, wish or usual_pause), LONGEST_PAUSE, left))
        try:
            (enrollment, wish), failure = look(), None
        except CertdeskError as error:
            if error.kind is not ErrorKind.UNAVAILABLE:
                raise
            wish, failure = None, error
    if failure:
        raise failure
    return enrollment
