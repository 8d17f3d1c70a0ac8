"""Enrollment codes: issued for devices that come by EST or SCEP, shown once, listed, withdrawn.

The code itself is in the one page that answers the form which asked for it, and nowhere else.
"""

from collections.abc import Iterable
from datetime import timedelta

from certdesk.console.forms import Form
from certdesk.console.rendering import Renderer
from certdesk.console.routing import DECIDERS, SIGNED_IN, Route, Visit, see_other
from certdesk.domain.enrollment import Kind, Organisation, Principal
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.doors.answers import Answer
from certdesk.doors.problems import MEANINGS
from certdesk.policy.codes import DAYS, DEVICES, LONGEST_NOTE
from certdesk.ra import RegistrationAuthority

_PAGE_SIZE = 50
_ENROLLED = (Kind.MOBILE, Kind.WORKSTATION, Kind.SERVER)
_ANSWERED_HERE = frozenset(
    {ErrorKind.INVALID_FIELD, ErrorKind.KIND_NOT_ALLOWED, ErrorKind.FORBIDDEN, ErrorKind.CONFLICT}
)
_MOST_DIGITS = len(str(DEVICES[-1]))
_PROPOSED = {"count": "1", "days": str(timedelta(weeks=1).days)}


class CodePages:
    """The list, the form, the code that was made, and the question before one is withdrawn."""

    def __init__(self, ra: RegistrationAuthority, renderer: Renderer, desk_url: str) -> None:
        self._ra = ra
        self._renderer = renderer
        self._desk_url = desk_url

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        return (
            Route("GET", "/codes", SIGNED_IN, self.index),
            Route("GET", "/codes/add", DECIDERS, self.ask),
            Route("POST", "/codes/add", DECIDERS, self.add),
            Route("GET", "/codes/{code_id}/withdraw", DECIDERS, self.confirm),
            Route("POST", "/codes/{code_id}/withdraw", DECIDERS, self.withdraw),
        )

    async def index(self, visit: Visit) -> Answer:
        """Show the list, newest first."""
        wanted = visit.query.get("organisation", "")
        page = await self._ra.codes(visit.by, wanted, after=visit.query.get("after"), limit=_PAGE_SIZE)
        return self._renderer.answer(
            visit,
            "codes/index.html",
            page=page,
            organisations=[] if visit.by.organisation else await self._organisations(visit.by),
            wanted=wanted,
        )

    async def ask(self, visit: Visit) -> Answer:
        """Ask whom the code is for."""
        proposed = _PROPOSED | {"organisation": visit.query.get("organisation", "")}
        return await self._form(visit, Form({name: [value] for name, value in proposed.items()}))

    async def add(self, visit: Visit) -> Answer:
        """Issue a code and show it, once."""
        form = await visit.form()
        try:
            made, secret = await self._ra.add_code(
                form.text("organisation") or visit.by.organisation,
                _kind(form.text("kind")),
                visit.by,
                count=_number("count", form.text("count")),
                days=_number("days", form.text("days")),
                note=form.text("note"),
            )
        except CertdeskError as error:
            if error.kind not in _ANSWERED_HERE:
                raise
            return await self._form(visit, form, error)
        return self._renderer.answer(
            visit, "codes/made.html", made=made, secret=secret, desk=self._desk_url.partition("://")[2]
        )

    async def confirm(self, visit: Visit) -> Answer:
        """Ask before a code is withdrawn."""
        return await self._question(visit)

    async def withdraw(self, visit: Visit) -> Answer:
        """Withdraw a code."""
        try:
            await self._ra.withdraw_code(visit.parameters["code_id"], visit.by)
        except CertdeskError as error:
            if error.kind not in _ANSWERED_HERE:
                raise
            return await self._question(visit, error)
        return see_other("/codes?notice=code-withdrawn")

    async def _question(self, visit: Visit, error: CertdeskError | None = None) -> Answer:
        code = await self._ra.code(visit.parameters["code_id"], visit.by)
        return self._renderer.answer(
            visit,
            "codes/withdraw.html",
            status=MEANINGS[error.kind].status if error else 200,
            code=code,
            refusal=error.text(self._renderer.sentence(visit)) if error else "",
        )

    async def _form(self, visit: Visit, form: Form, error: CertdeskError | None = None) -> Answer:
        translate = self._renderer.sentence(visit)
        return self._renderer.answer(
            visit,
            "codes/add.html",
            status=MEANINGS[error.kind].status if error else 200,
            form=form,
            organisations=await self._organisations(visit.by),
            kinds=[kind for kind in _ENROLLED if visit.by.decides(kind)],
            most_devices=DEVICES[-1],
            most_days=DAYS[-1],
            longest=LONGEST_NOTE,
            errors={problem.field: problem.text(translate) for problem in error.problems} if error else {},
        )

    async def _organisations(self, by: Principal) -> list[Organisation]:
        """Return the organisations in the caller's scope that enroll devices."""
        return [each for each in await self._ra.organisations(by) if each.kinds]


def _kind(unverified_kind: str) -> Kind:
    if unverified_kind not in _ENROLLED:
        raise CertdeskError(ErrorKind.INVALID_FIELD, N_("choose one of these"), field="kind")
    return Kind(unverified_kind)


def _number(field: str, unverified_text: str) -> int:
    """Return a number that policy then judges, or raise `INVALID_FIELD`."""
    text = unverified_text.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise CertdeskError(
            ErrorKind.INVALID_FIELD, N_("this is not a whole number that is possible here"), field=field
        )
    return int(text)
