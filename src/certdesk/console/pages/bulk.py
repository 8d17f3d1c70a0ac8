"""Deciding many requests at once: first a page that lists every one of them, then one by one, visibly.

The answer to the decision is sent while it is carried out, a line for each request, so that progress shows without
any script. Whether a browser that goes away in between stops it depends on what is between it and the desk: what was
decided stands in the list, and sending the form again does no harm.
"""

from collections.abc import AsyncIterator, Iterable

from certdesk.console.rendering import Renderer
from certdesk.console.routing import DECIDERS, Route, Visit, local_address
from certdesk.console.streaming import Stream
from certdesk.domain.enrollment import CertificationRequest
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import parse_request_id, verification_code
from certdesk.domain.text import N_
from certdesk.doors.answers import Answer
from certdesk.ra import RegistrationAuthority
from certdesk.ra.office import LONGEST_REASON, checked_text

MOST_AT_ONCE = 200
_HTML = (b"content-type", b"text/html; charset=utf-8")


class BulkPages:
    """Decisions about several requests."""

    def __init__(self, ra: RegistrationAuthority, renderer: Renderer) -> None:
        self._ra = ra
        self._renderer = renderer

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        return (
            Route("POST", "/requests/confirm", DECIDERS, self.confirm),
            Route("POST", "/requests/decide", DECIDERS, self.decide),
        )

    async def confirm(self, visit: Visit) -> Answer:
        """Show what is about to be decided, every single one."""
        return await self._confirmation(visit, "")

    async def decide(self, visit: Visit) -> Answer | Stream:
        """Carry the decision out."""
        form = await visit.form()
        reason = form.text("reason").strip() or form.text("known")
        approving = form.text("action") != "reject"
        if not approving:
            try:
                reason = checked_text("reason", reason)
            except CertdeskError as error:
                return await self._confirmation(visit, error.text(self._renderer.sentence(visit)))
        return Stream(self._decisions(visit, await _ids(visit), reason, approving=approving), _HTML)

    async def _confirmation(self, visit: Visit, wrong: str) -> Answer:
        form, ids = await visit.form(), await _ids(visit)
        every, reasons = await self._ra.candidates(ids, visit.by)
        return self._renderer.answer(
            visit,
            "requests/confirm.html",
            status=422 if wrong else 200,
            approving=form.text("action") != "reject",
            files=[each for each in every if each.can_be_decided],
            codes={each.request.id: verification_code(each.request.spki_sha256) for each in every},
            others=[each for each in every if not each.can_be_decided],
            reasons=reasons,
            reason=form.text("reason"),
            wrong=wrong,
            longest=LONGEST_REASON,
            back=local_address(form.text("back"), "/requests"),
        )

    async def _decisions(self, visit: Visit, ids: list[str], reason: str, *, approving: bool) -> AsyncIterator[bytes]:
        """Yield a page in pieces: its beginning, a line for each decision, its end."""
        back = local_address((await visit.form()).text("back"), "/requests")
        head, _, tail = self._renderer.text(
            visit, "requests/decided.html", approving=approving, total=len(ids), back=back
        ).partition("<!-- here -->")
        yield head.encode()
        done = 0
        for number, request_id in enumerate(ids, 1):
            request, wrong = await self._decide(visit, request_id, reason, approving=approving)
            done += not wrong
            line = self._renderer.text(
                visit,
                "requests/decided_line.html",
                number=number,
                total=len(ids),
                request_id=request_id,
                request=request,
                wrong=wrong,
            )
            yield line.encode()
        end = self._renderer.text(visit, "requests/decided_end.html", done=done, total=len(ids), approving=approving)
        yield (tail.replace("<!-- end -->", end)).encode()

    async def _decide(
        self, visit: Visit, request_id: str, reason: str, *, approving: bool
    ) -> tuple[CertificationRequest | None, str]:
        """Decide one request; return it, or the sentence that says why not."""
        try:
            if approving:
                return (await self._ra.approve(request_id, visit.by)).request, ""
            return await self._ra.reject(request_id, visit.by, reason), ""
        except CertdeskError as error:
            return None, self._renderer.refusal(visit, error)


async def _ids(visit: Visit) -> list[str]:
    """Return the requests that were ticked, each once; raise `INVALID_FIELD` if there are none or too many."""
    ids = list(dict.fromkeys(parse_request_id(text) for text in (await visit.form()).every("id")))
    if not ids:
        raise CertdeskError(ErrorKind.INVALID_FIELD, N_("tick at least one request"), field="id")
    if len(ids) > MOST_AT_ONCE:
        raise CertdeskError(
            ErrorKind.INVALID_FIELD, N_("at most {most} requests can be decided at once"), field="id", most=MOST_AT_ONCE
        )
    return ids
