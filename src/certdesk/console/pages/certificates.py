"""Certificates: the list, one of them in full, its files, and revoking it."""

from collections.abc import AsyncIterator, Iterable, Sequence

from certdesk.console.describing import chain_names, describe
from certdesk.console.filters import EXPIRY_DAYS, PAGE_SIZE, certificate_filter
from certdesk.console.rendering import Renderer, iso
from certdesk.console.routing import DECIDERS, SIGNED_IN, Route, Visit, see_other
from certdesk.console.security import PAGE_HEADERS
from certdesk.console.streaming import Stream, csv_stream
from certdesk.domain.clock import Clock
from certdesk.domain.enrollment import Certificate, Kind
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.states import CertificateStatus, RevocationReason
from certdesk.domain.text import N_
from certdesk.doors.answers import NO_STORE, Answer
from certdesk.doors.api.decoding import serial_number
from certdesk.doors.api.views import pem_of
from certdesk.doors.problems import MEANINGS
from certdesk.ra import RegistrationAuthority
from certdesk.ra.office import LONGEST_REASON

_EXPORTED_AT_ONCE = 100
_REASONS = (
    RevocationReason.KEY_COMPROMISE,
    RevocationReason.CESSATION_OF_OPERATION,
    RevocationReason.SUPERSEDED,
    RevocationReason.AFFILIATION_CHANGED,
    RevocationReason.PRIVILEGE_WITHDRAWN,
    RevocationReason.UNSPECIFIED,
)
"""In the order in which they are offered: the gravest first, the least telling last."""
_HEADING = (
    "serial_number",
    "status",
    "kind",
    "organisation",
    "subject",
    "email",
    "device_id",
    "not_before",
    "not_after",
    "fingerprint_sha256",
    "request_id",
    "revoked_at",
    "revocation_reason",
    "revoked_by",
    "revocation_comment",
)


class CertificatePages:
    """Certificates within the manager's scope."""

    def __init__(self, ra: RegistrationAuthority, renderer: Renderer, chain_pem: str, clock: Clock) -> None:
        self._ra = ra
        self._renderer = renderer
        self._chain_pem = chain_pem
        self._chain = chain_names(chain_pem)
        self._clock = clock

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        return (
            Route("GET", "/certificates", SIGNED_IN, self.index),
            Route("GET", "/certificates/export.csv", SIGNED_IN, self.export),
            Route("GET", "/certificates/{serial_number}", SIGNED_IN, self.show),
            Route("GET", "/certificates/{serial_number}/{file}", SIGNED_IN, self.download),
            Route("GET", "/certificates/{serial_number}/revoke", DECIDERS, self.ask),
            Route("POST", "/certificates/{serial_number}/revoke", DECIDERS, self.revoke),
        )

    async def index(self, visit: Visit) -> Answer:
        """Show the list with its filters."""
        wanted = certificate_filter(visit, self._clock())
        page = await self._ra.certificates(visit.by, wanted, after=visit.query.get("after"), limit=PAGE_SIZE)
        return self._renderer.answer(
            visit,
            "certificates/index.html",
            page=page,
            wanted=wanted,
            organisations=[] if visit.by.organisation else await self._ra.organisations(visit.by),
            statuses=list(CertificateStatus),
            kinds=[kind for kind in Kind if kind is not Kind.MANAGER or not visit.by.organisation],
            expiry_days=EXPIRY_DAYS,
        )

    async def export(self, visit: Visit) -> Stream:
        """Send all certificates that the filters let through, as CSV."""
        return csv_stream("certificates.csv", _HEADING, self._rows(visit))

    async def _rows(self, visit: Visit) -> AsyncIterator[list[Sequence[str]]]:
        wanted, after = certificate_filter(visit, self._clock()), None
        while True:
            page = await self._ra.certificates(visit.by, wanted, after=after, limit=_EXPORTED_AT_ONCE)
            yield [_row(certificate) for certificate in page.items]
            if page.next is None:
                return
            after = page.next

    async def show(self, visit: Visit) -> Answer:
        """Show a certificate in full."""
        file = await self._ra.certificate_file(serial_number(visit.parameters["serial_number"]), visit.by)
        return self._renderer.answer(
            visit,
            "certificates/show.html",
            file=file,
            certificate=file.certificate,
            description=describe(file.certificate.der),
            chain=self._chain,
        )

    async def download(self, visit: Visit) -> Answer:
        """Send the certificate as a file: PEM, DER, or PEM with its chain."""
        certificate = await self._ra.certificate(serial_number(visit.parameters["serial_number"]), visit.by)
        pem = pem_of(certificate.der)
        files = {
            "certificate.pem": (pem.encode(), b"application/x-pem-file", "pem"),
            "certificate.cer": (certificate.der, b"application/pkix-cert", "cer"),
            "chain.pem": ((pem + self._chain_pem).encode(), b"application/x-pem-file", "chain.pem"),
        }
        if visit.parameters["file"] not in files:
            raise CertdeskError(ErrorKind.NOT_FOUND, N_("there is nothing at this address"))
        body, media_type, ending = files[visit.parameters["file"]]
        name = f'attachment; filename="{certificate.request_id}.{ending}"'
        headers = ((b"content-type", media_type), (b"content-disposition", name.encode()), NO_STORE)
        return Answer(200, body, (*PAGE_HEADERS, *headers))

    async def ask(self, visit: Visit) -> Answer:
        """Ask for reason and comment, and name the device that will be locked out."""
        return await self._question(visit)

    async def revoke(self, visit: Visit) -> Answer:
        """Revoke the certificate for good."""
        form = await visit.form()
        try:
            reason = _reason(form.text("reason"))
            serial = serial_number(visit.parameters["serial_number"])
            await self._ra.revoke(serial, visit.by, reason, form.text("comment"))
        except CertdeskError as error:
            if error.kind not in {ErrorKind.CONFLICT, ErrorKind.INVALID_FIELD}:
                raise
            return await self._question(visit, error)
        return see_other(f"/certificates/{serial.hex()}?notice=revoked")

    async def _question(self, visit: Visit, error: CertdeskError | None = None) -> Answer:
        file = await self._ra.certificate_file(serial_number(visit.parameters["serial_number"]), visit.by)
        form = await visit.form() if error else None
        translate = self._renderer.sentence(visit)
        return self._renderer.answer(
            visit,
            "certificates/revoke.html",
            status=MEANINGS[error.kind].status if error else 200,
            file=file,
            certificate=file.certificate,
            reasons=_REASONS,
            chosen=form.text("reason") if form else "",
            comment=form.text("comment") if form else "",
            errors={problem.field: problem.text(translate) for problem in error.problems} if error else {},
            longest=LONGEST_REASON,
        )


def _reason(unverified_reason: str) -> RevocationReason:
    try:
        return RevocationReason(unverified_reason)
    except ValueError:
        raise CertdeskError(ErrorKind.INVALID_FIELD, N_("choose a reason"), field="reason") from None


def _row(certificate: Certificate) -> Sequence[str]:
    return (
        certificate.serial_number.hex(),
        certificate.status,
        certificate.kind,
        certificate.organisation,
        certificate.subject,
        certificate.email,
        certificate.device_id,
        iso(certificate.not_before),
        iso(certificate.not_after),
        certificate.fingerprint.hex(),
        certificate.request_id,
        iso(certificate.revoked_at) if certificate.revoked_at else "",
        certificate.revocation_reason or "",
        certificate.revoked_by,
        certificate.revocation_comment,
    )
