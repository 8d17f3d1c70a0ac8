"""The calls about certification requests."""

from certdesk.domain.enrollment import Principal
from certdesk.domain.identifiers import parse_request_id
from certdesk.domain.listing import RequestFilter
from certdesk.domain.states import PENDING, RequestState
from certdesk.doors.answers import Answer, json_answer
from certdesk.doors.api import shapes
from certdesk.doors.api.callers import Callers, bearer_of, is_claim
from certdesk.doors.api.decoding import BodyDecoder, submission
from certdesk.doors.api.paging import REQUEST_CURSOR, Query, page_answer
from certdesk.doors.api.views import manager_view, requester_view
from certdesk.doors.asgi import Receive, Scope
from certdesk.ra import Enrollment, RegistrationAuthority


class RequestCalls:
    """Submit, follow, collect, decide, list."""

    def __init__(self, ra: RegistrationAuthority, callers: Callers, chain_pem: str) -> None:
        self._ra = ra
        self._callers = callers
        self._chain_pem = chain_pem
        self._submission = BodyDecoder[shapes.AnySubmission](shapes.AnySubmission)
        self._approval = BodyDecoder[shapes.Approval](shapes.Approval)
        self._rejection = BodyDecoder[shapes.Rejection](shapes.Rejection)

    async def submit(self, scope: Scope, receive: Receive) -> Answer:
        """Submit a request."""
        source = self._callers.stranger(scope)
        sent = await self._submission.read(scope, receive)
        by = await self._callers.principal(scope) if isinstance(sent, shapes.ManagerSubmission) else None
        made, is_new = await self._ra.submit(submission(sent), source=source, by=by)
        location = (b"location", f"/api/v1/requests/{made.id}".encode())
        return json_answer(201 if is_new else 200, requester_view(made), location)

    async def read(self, scope: Scope, _receive: Receive) -> Answer:
        """Follow and collect with the request's claim, or read it as a manager."""
        bearer, unverified_id = bearer_of(scope), scope["path_params"]["request_id"]
        if is_claim(bearer):
            return self._for_requester(await self._callers.collect(scope, unverified_id, bearer))
        by = await self._callers.principal(scope)
        return self._for_manager(await self._ra.request(parse_request_id(unverified_id), by))

    async def installed(self, scope: Scope, _receive: Receive) -> Answer:
        """Tell the desk that the device has installed its certificate."""
        return self._for_requester(await self._callers.installed(scope, scope["path_params"]["request_id"]))

    async def approve(self, scope: Scope, receive: Receive) -> Answer:
        """Approve a request: its certificate is issued."""
        by, request_id = await self._decision(scope)
        sent = await self._approval.read(scope, receive)
        return self._for_manager(await self._ra.approve(request_id, by, sent.comment))

    async def reject(self, scope: Scope, receive: Receive) -> Answer:
        """Reject a request for a reason."""
        by, request_id = await self._decision(scope)
        sent = await self._rejection.read(scope, receive)
        return json_answer(200, manager_view(await self._ra.reject(request_id, by, sent.reason)))

    async def listing(self, scope: Scope, _receive: Receive) -> Answer:
        """List the requests in the caller's scope, newest first; with a text, in the order of the match."""
        by = await self._callers.principal(scope)
        query = Query(scope, ("organisation", "state", "kind", "q", "after", "limit"))
        wanted = RequestFilter(
            organisation=query.organisation(),
            state=query.choice("state", RequestState),
            kind=query.kind(),
            text=query.text("q"),
        )
        page = await self._ra.requests(by, wanted, after=query.after(REQUEST_CURSOR), limit=query.limit())
        items = tuple(map(manager_view, page.items))
        return page_answer(scope, shapes.RequestPage(items=items, next=page.next))

    async def _decision(self, scope: Scope) -> tuple[Principal, str]:
        by = await self._callers.principal(scope)
        return by, parse_request_id(scope["path_params"]["request_id"])

    def _for_requester(self, enrollment: Enrollment) -> Answer:
        view = requester_view(enrollment.request, enrollment.certificate, self._chain_pem)
        if enrollment.request.state in PENDING:
            return json_answer(200, view, (b"retry-after", b"%d" % enrollment.poll_seconds))
        return json_answer(200, view)

    def _for_manager(self, enrollment: Enrollment) -> Answer:
        return json_answer(200, manager_view(enrollment.request, enrollment.certificate, self._chain_pem))
