"""The calls about enrollment codes, which vouch for devices that come by EST or SCEP."""

import re

from certdesk.domain.enrollment import Kind
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.doors.answers import Answer, json_answer
from certdesk.doors.api import shapes
from certdesk.doors.api.callers import Callers
from certdesk.doors.api.decoding import BodyDecoder
from certdesk.doors.api.fields import CODE_ID
from certdesk.doors.api.paging import CODE_CURSOR, Query, page_answer
from certdesk.doors.api.views import code_view, new_code_view
from certdesk.doors.asgi import Receive, Scope
from certdesk.ra import RegistrationAuthority

_ID = re.compile(CODE_ID)


class CodeCalls:
    """Issue, list, withdraw."""

    def __init__(self, ra: RegistrationAuthority, callers: Callers) -> None:
        self._ra = ra
        self._callers = callers
        self._order = BodyDecoder[shapes.CodeOrder](shapes.CodeOrder)

    async def issue(self, scope: Scope, receive: Receive) -> Answer:
        """Issue an enrollment code, which is shown in this answer and never again."""
        by = await self._callers.principal(scope)
        sent = await self._order.read(scope, receive)
        made, secret = await self._ra.add_code(
            sent.organisation, Kind(sent.kind), by, count=sent.count, days=sent.days, note=sent.note
        )
        return json_answer(201, new_code_view(made, secret))

    async def listing(self, scope: Scope, _receive: Receive) -> Answer:
        """List the enrollment codes in the caller's scope, newest first, without the codes themselves."""
        by = await self._callers.principal(scope)
        query = Query(scope, ("organisation", "after", "limit"))
        page = await self._ra.codes(by, query.organisation(), after=query.after(CODE_CURSOR), limit=query.limit())
        return page_answer(scope, shapes.CodePage(items=tuple(map(code_view, page.items)), next=page.next))

    async def withdraw(self, scope: Scope, _receive: Receive) -> Answer:
        """Withdraw an enrollment code; what it has vouched for stays as it is."""
        by = await self._callers.principal(scope)
        code_id = scope["path_params"]["code_id"]
        if not _ID.fullmatch(code_id):
            raise CertdeskError(ErrorKind.MALFORMED, N_("an enrollment code's ID has eight characters"), field="id")
        return json_answer(200, code_view(await self._ra.withdraw_code(code_id, by)))
