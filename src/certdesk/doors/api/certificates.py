"""The calls about certificates."""

from certdesk.domain.listing import CertificateFilter
from certdesk.domain.states import CertificateStatus
from certdesk.doors.answers import Answer, json_answer
from certdesk.doors.api import shapes
from certdesk.doors.api.callers import Callers
from certdesk.doors.api.decoding import BodyDecoder, claim_sha256, proof, serial_number
from certdesk.doors.api.paging import CERTIFICATE_CURSOR, Query, page_answer
from certdesk.doors.api.views import certificate_view, requester_view
from certdesk.doors.asgi import Receive, Scope
from certdesk.ra import RegistrationAuthority


class CertificateCalls:
    """Read, list, revoke, renew."""

    def __init__(self, ra: RegistrationAuthority, callers: Callers, chain_pem: str) -> None:
        self._ra = ra
        self._callers = callers
        self._chain_pem = chain_pem
        self._revocation = BodyDecoder[shapes.Revocation](shapes.Revocation)
        self._renewal = BodyDecoder[shapes.Renewal](shapes.Renewal)

    async def read(self, scope: Scope, _receive: Receive) -> Answer:
        """Read a certificate."""
        by = await self._callers.principal(scope)
        serial = serial_number(scope["path_params"]["serial_number"])
        return json_answer(200, certificate_view(await self._ra.certificate(serial, by)))

    async def listing(self, scope: Scope, _receive: Receive) -> Answer:
        """List the certificates in the caller's scope, those that are valid longest first."""
        by = await self._callers.principal(scope)
        query = Query(scope, ("organisation", "status", "kind", "q", "after", "limit"))
        wanted = CertificateFilter(
            organisation=query.organisation(),
            status=query.choice("status", CertificateStatus),
            kind=query.kind(),
            text=query.text("q"),
        )
        page = await self._ra.certificates(by, wanted, after=query.after(CERTIFICATE_CURSOR), limit=query.limit())
        items = tuple(map(certificate_view, page.items))
        return page_answer(scope, shapes.CertificatePage(items=items, next=page.next))

    async def revoke(self, scope: Scope, receive: Receive) -> Answer:
        """Revoke a certificate, for good."""
        by = await self._callers.principal(scope)
        serial = serial_number(scope["path_params"]["serial_number"])
        sent = await self._revocation.read(scope, receive)
        return json_answer(200, certificate_view(await self._ra.revoke(serial, by, sent.reason, sent.comment)))

    async def renew(self, scope: Scope, receive: Receive) -> Answer:
        """Renew a certificate with a proof by its key."""
        source = self._callers.stranger(scope)
        serial = serial_number(scope["path_params"]["serial_number"])
        sent = await self._renewal.read(scope, receive)
        enrollment, is_new = await self._ra.renew(
            serial,
            sent.csr.encode(),
            claim_sha256(sent.claim),
            proof=proof(sent),
            peer=self._callers.certificate(scope),
            source=source,
        )
        view = requester_view(enrollment.request, enrollment.certificate, self._chain_pem)
        location = (b"location", f"/api/v1/requests/{enrollment.request.id}".encode())
        return json_answer(201 if is_new else 200, view, location)
