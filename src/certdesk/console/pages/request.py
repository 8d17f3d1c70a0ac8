"""One request: everything that a manager vouches for, and the decision."""

from collections.abc import Iterable

from certdesk.console.describing import key_name, purposes_of, requested_subject
from certdesk.console.rendering import Renderer
from certdesk.console.routing import DECIDERS, SIGNED_IN, Route, Visit, see_other
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import parse_request_id, verification_code
from certdesk.doors.answers import Answer
from certdesk.doors.problems import MEANINGS
from certdesk.ra import RegistrationAuthority
from certdesk.ra.office import LONGEST_REASON

_ANSWERED_HERE = frozenset(
    {ErrorKind.CONFLICT, ErrorKind.INVALID_FIELD, ErrorKind.FORBIDDEN}
    | {ErrorKind.WEAK_KEY, ErrorKind.WEAK_SIGNATURE, ErrorKind.BAD_CSR, ErrorKind.KEY_IN_USE}
    | {ErrorKind.KEY_COMPROMISED, ErrorKind.NAME_NOT_ALLOWED, ErrorKind.KIND_NOT_ALLOWED}
)
"""Refusals of a decision that are best read beside the request."""


class RequestPages:
    """A request's page and what can be done there."""

    def __init__(self, ra: RegistrationAuthority, renderer: Renderer) -> None:
        self._ra = ra
        self._renderer = renderer

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        return (
            Route("GET", "/requests/{request_id}", SIGNED_IN, self.show),
            Route("POST", "/requests/{request_id}/approve", DECIDERS, self.approve),
            Route("POST", "/requests/{request_id}/reject", DECIDERS, self.reject),
        )

    async def show(self, visit: Visit) -> Answer:
        """Show the request; any other spelling of its ID leads to the one address that it has."""
        request_id = parse_request_id(visit.parameters["request_id"])
        if request_id != visit.parameters["request_id"]:
            return see_other(f"/requests/{request_id}")
        return await self._page(visit, request_id)

    async def approve(self, visit: Visit) -> Answer:
        """Approve the request."""
        request_id = parse_request_id(visit.parameters["request_id"])
        comment = (await visit.form()).text("comment")
        try:
            enrollment = await self._ra.approve(request_id, visit.by, comment)
        except CertdeskError as error:
            return await self._refused(visit, request_id, error, comment=comment)
        notice = "approved" if enrollment.certificate else "approved-later"
        return see_other(f"/requests/{request_id}?notice={notice}")

    async def reject(self, visit: Visit) -> Answer:
        """Reject the request, or show first what the requester will read."""
        request_id = parse_request_id(visit.parameters["request_id"])
        form = await visit.form()
        reason = form.text("reason").strip() or form.text("known")
        if form.ticked("preview"):
            return await self._page(visit, request_id, reason=reason, previewed=True)
        try:
            request = await self._ra.reject(request_id, visit.by, reason)
        except CertdeskError as error:
            return await self._refused(visit, request_id, error, reason=reason)
        if form.ticked("keep"):
            await self._ra.keep_reason(request, reason)
        return see_other(f"/requests/{request_id}?notice=rejected")

    async def _refused(
        self, visit: Visit, request_id: str, error: CertdeskError, *, comment: str = "", reason: str = ""
    ) -> Answer:
        if error.kind not in _ANSWERED_HERE:
            raise error
        return await self._page(visit, request_id, error, comment=comment, reason=reason)

    async def _page(
        self,
        visit: Visit,
        request_id: str,
        error: CertdeskError | None = None,
        *,
        comment: str = "",
        reason: str = "",
        previewed: bool = False,
    ) -> Answer:
        file = await self._ra.request_file(request_id, visit.by)
        translate = self._renderer.sentence(visit)
        return self._renderer.answer(
            visit,
            "requests/show.html",
            status=MEANINGS[error.kind].status if error else 200,
            file=file,
            request=file.request,
            asked=file.request.submission,
            code=verification_code(file.request.spki_sha256),
            key=key_name(file.csr.public_key),
            csr_subject=requested_subject(file.csr.der),
            purposes=purposes_of(file.request.submission.kind),
            findings=[problem.text(translate) for problem in file.findings],
            obstacle=file.obstacle.text(translate) if file.obstacle else "",
            too_late=error is not None and error.kind is ErrorKind.CONFLICT,
            errors={problem.field: problem.text(translate) for problem in error.problems} if error else {},
            comment=comment,
            reason=reason,
            previewed=previewed,
            longest=LONGEST_REASON,
        )
