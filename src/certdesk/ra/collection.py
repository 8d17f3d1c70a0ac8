"""What a requester does after submitting: follow the request, collect, install, renew."""

from dataclasses import replace
from hmac import compare_digest

from cryptography import x509

from certdesk.domain.enrollment import Certificate, CertificationRequest, DoorRule, Kind, Submission
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.states import Action, CertificateStatus, RequestState
from certdesk.domain.text import N_
from certdesk.policy.submission import approved_names
from certdesk.ra.decision import Decisions
from certdesk.ra.office import Actor, no_such_request
from certdesk.ra.submission import Arrival, prepared
from certdesk.store.requests import Enrollment
from certdesk.wire.pkcs10 import CSR, parse_csr
from certdesk.wire.renewal import unproven, verify_renewal

_PROVEN = "renewal"


class Collections(Decisions):
    """The claim opens exactly one request; a wrong one is answered as if there were none."""

    async def collect(self, request_id: str, claim_sha256: bytes) -> Enrollment:
        """Return the request that the claim belongs to, with its certificate once issued.

        Raises `NOT_FOUND`, also for a claim that belongs to another request.
        """
        enrollment = await self._store.requests.enrollment(request_id)
        if enrollment is None or not compare_digest(enrollment.request.submission.claim_sha256, claim_sha256):
            raise no_such_request()
        return enrollment

    async def installed(self, request_id: str, claim_sha256: bytes, *, source: str) -> Enrollment:
        """Note that the device has installed its certificate; once is enough, more often does no harm."""
        enrollment = await self.collect(request_id, claim_sha256)
        request = enrollment.request
        if request.state is not RequestState.ISSUED:
            raise CertdeskError(ErrorKind.CONFLICT, N_("this request has no certificate that could be installed"))
        if request.installed_at is not None:
            return enrollment
        at = self._clock()
        event = self._log.event(
            Action.INSTALL,
            Actor("requester", source),
            organisation=request.submission.organisation,
            subject=request.id,
        )
        await self._store.requests.install(request.id, at, event)
        return replace(enrollment, request=replace(request, installed_at=at))

    async def renew(
        self,
        serial_number: bytes,
        csr: bytes,
        claim_sha256: bytes,
        *,
        proof: bytes | None,
        peer: bytes | None,
        source: str,
        door: str = "api",
    ) -> tuple[Enrollment, bool]:
        """Issue a successor to a valid certificate to whoever holds its key; tell whether the request is new.

        Nobody is asked again: subject and names stay as they were approved, the key may be new. The proof
        is `peer`, the DER of a client certificate that TLS has verified, or a signature (`wire.renewal`).
        Raises `UNAUTHENTICATED` also for a certificate that the desk does not know.
        """
        certificate = await self._store.certificates.get(serial_number)
        parsed = parse_csr(csr)
        if certificate is None:
            raise unproven()
        _check_proof(certificate, parsed.der, proof, peer)
        original = await self._renewable(certificate)
        await self._check_new_key(certificate, parsed)
        submission = _renewal_of(original, certificate, parsed.der, claim_sha256)
        asked, approved = approved_names(submission, parsed), original.submission.names
        if not (set(asked.dns) <= set(approved.dns) and set(asked.ip) <= set(approved.ip)):
            raise CertdeskError(
                ErrorKind.NAME_NOT_ALLOWED, N_("a renewal cannot add names: make a new request"), field="csr"
            )
        actor = Actor(_PROVEN, source)
        request, is_new = await self._submit(*prepared(submission), Arrival(actor, door, renews=serial_number))
        if request.state is RequestState.REQUESTED:
            case = await self._store.requests.case(request.id, "")
            if case is not None:
                return await self._approve(case, actor, ""), is_new
        return await self._enrollment(request.id), is_new

    async def _renewable(self, certificate: Certificate) -> CertificationRequest:
        """Return the request behind a certificate that may be renewed now, unless it has been."""
        original = await self._present(certificate.request_id)
        if certificate.kind is Kind.MANAGER:
            raise CertdeskError(ErrorKind.FORBIDDEN, N_("a manager's certificate is issued anew by an administrator"))
        if certificate.status is CertificateStatus.REVOKED:
            raise CertdeskError(ErrorKind.FORBIDDEN, N_("this certificate was revoked: make a new request"))
        if certificate.not_after < self._clock():
            raise CertdeskError(ErrorKind.FORBIDDEN, N_("this certificate has expired: make a new request"))
        return original

    async def _check_new_key(self, certificate: Certificate, csr: CSR) -> None:
        """Raise `KEY_IN_USE` for the old key, where the organisation wants a new one."""
        if csr.spki_sha256 != certificate.spki_sha256:
            return
        organisation = await self._store.organisations.get(certificate.organisation)
        if organisation is not None and DoorRule.NEW_KEYS in organisation.door_rules:
            raise CertdeskError(ErrorKind.KEY_IN_USE, N_("this organisation renews with new keys only"), field="csr")


def _check_proof(certificate: Certificate, csr_der: bytes, proof: bytes | None, peer: bytes | None) -> None:
    if peer is not None and compare_digest(peer, certificate.der):
        return
    if proof is None:
        raise unproven()
    verify_renewal(x509.load_der_x509_certificate(certificate.der).public_key(), csr_der, proof)


def _renewal_of(
    original: CertificationRequest, certificate: Certificate, csr_der: bytes, claim_sha256: bytes
) -> Submission:
    """Return the submission of a renewal: everything as approved, but for the key, the claim and what is outdated."""
    return replace(
        original.submission,
        device=replace(original.submission.device, conditions=None),
        csr=csr_der,
        claim_sha256=claim_sha256,
        common_name=original.submission.common_name or certificate.request_id,
    )
