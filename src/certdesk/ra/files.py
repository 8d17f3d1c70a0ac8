"""Everything about one request or one certificate, on one page: what a manager vouches for, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from certdesk.ca.names import server_common_name
from certdesk.ca.order import CertificateOrder
from certdesk.domain.enrollment import Certificate, CertificationRequest, Event, Kind, Organisation, Principal, Role
from certdesk.domain.errors import CertdeskError, Problem
from certdesk.domain.states import CertificateStatus, RequestState
from certdesk.domain.validation import StoredAnswer, StoredCRL
from certdesk.policy.submission import Facts, judge
from certdesk.ra.office import check_may_decide, checked_text, hidden_from, no_such_request
from certdesk.ra.sessions import Sessions
from certdesk.store.requests import Case, Intent
from certdesk.wire.pkcs10 import CSR, parse_csr

_MOST_EARLIER = 20


@dataclass(frozen=True, slots=True)
class RequestFile:
    """A request with all that a decision needs."""

    request: CertificationRequest
    organisation: Organisation
    csr: CSR
    order: CertificateOrder
    """What the certificate will contain if the request is approved now; its serial number is empty."""
    common_name: str
    """The subject's common name, which a server takes from its names."""
    findings: tuple[Problem, ...]
    """What policy has against the request at this moment."""
    certificate: Certificate | None
    earlier: tuple[CertificationRequest, ...]
    """Of the same device or person, newest first."""
    history: tuple[Event, ...]
    """Oldest first."""
    reasons: tuple[str, ...]
    """The organisation's reusable reasons for a rejection."""
    obstacle: Problem | None
    """Why this caller may not decide the request; None if they may, or if it is decided."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A request that is about to be decided among others."""

    request: CertificationRequest
    findings: tuple[Problem, ...]
    obstacle: Problem | None
    """As in its file."""

    @property
    def can_be_decided(self) -> bool:
        """Whether it waits, and for this caller."""
        return self.request.state is RequestState.REQUESTED and self.obstacle is None


@dataclass(frozen=True, slots=True)
class CertificateFile:
    """A certificate with what relying parties are told about it."""

    certificate: Certificate
    request: CertificationRequest
    crl: StoredCRL | None
    """The issuer's present revocation list."""
    answer: StoredAnswer | None
    """The kept OCSP answer; without one, or if it is of another status, one is signed on demand."""
    history: tuple[Event, ...]
    successor: Certificate | None
    may_revoke: bool


class Files(Sessions):
    """Reads of single records with their surroundings."""

    async def request_file(self, request_id: str, by: Principal) -> RequestFile:
        """Return a request in the caller's scope with all that a decision needs; raise `NOT_FOUND`."""
        case = await self._case(request_id, by)
        request = case.request
        csr = parse_csr(request.submission.csr)
        order = self._order(case, csr, Intent(request.id, b"", request.attempt, self._ca.issuer, self._clock()))
        certificate = await self._store.certificates.get(request.serial_number) if request.serial_number else None
        hidden = hidden_from(by)
        return RequestFile(
            request=request,
            organisation=case.organisation,
            csr=csr,
            order=order,
            common_name=server_common_name(order.names) if order.kind is Kind.SERVER else order.common_name,
            findings=_findings(case, csr),
            certificate=certificate,
            earlier=tuple(
                other
                for other in await self._store.search.earlier(request, _MOST_EARLIER)
                if other.submission.kind is not hidden
            ),
            history=await self._history(request, certificate),
            reasons=tuple(await self._store.reasons.of(request.submission.organisation)),
            obstacle=_obstacle(request, by),
        )

    async def candidates(self, request_ids: Sequence[str], by: Principal) -> tuple[list[Candidate], list[str]]:
        """Return some requests with what bears on deciding them, and the reusable reasons of their organisations.

        Raises `NOT_FOUND` if one of them is not in the caller's scope.
        """
        cases, hidden = await self._store.requests.cases(request_ids, by.organisation), hidden_from(by)
        candidates = []
        for request_id in request_ids:
            case = cases.get(request_id)
            if case is None or case.request.submission.kind is hidden:
                raise no_such_request()
            findings = _findings(case, parse_csr(case.request.submission.csr))
            candidates.append(Candidate(case.request, findings, _obstacle(case.request, by)))
        organisations = {candidate.request.submission.organisation for candidate in candidates}
        return candidates, await self._store.reasons.of_all(sorted(organisations))

    async def certificate_file(self, serial_number: bytes, by: Principal) -> CertificateFile:
        """Return a certificate in the caller's scope with its surroundings; raise `NOT_FOUND`."""
        certificate = await self._seen_certificate(serial_number, by)
        request = await self._present(certificate.request_id)
        status = await self._store.validation.status(serial_number)
        successor = certificate.superseded_by
        return CertificateFile(
            certificate=certificate,
            request=request,
            crl=await self._store.validation.latest_crl(certificate.issuer),
            answer=status.answer if status else None,
            history=await self._history(request, certificate),
            successor=await self._store.certificates.get(successor) if successor else None,
            may_revoke=certificate.status is not CertificateStatus.REVOKED and by.role is not Role.AUDITOR,
        )

    async def keep_reason(self, request: CertificationRequest, reason: str) -> None:
        """Add a reason to the reusable ones of the request's organisation; the caller has just rejected it."""
        await self._store.reasons.add(request.submission.organisation, checked_text("reason", reason))

    async def _history(self, request: CertificationRequest, certificate: Certificate | None) -> tuple[Event, ...]:
        events = [sealed.event for sealed in await self._store.events.of_subject(request.id)]
        if certificate:
            events += [sealed.event for sealed in await self._store.events.of_subject(certificate.serial_number.hex())]
        return tuple(sorted(events, key=lambda event: event.id))


def _findings(case: Case, csr: CSR) -> tuple[Problem, ...]:
    if case.request.state is not RequestState.REQUESTED:
        return ()
    facts, request = Facts(case.key_owner, case.key_compromised), case.request
    legacy = request.is_legacy(case.organisation)
    problems = judge(request.submission, csr, case.organisation, facts, by_form=request.is_by_form, legacy=legacy)
    try:
        if not csr.is_redacted:
            csr.verify()
    except CertdeskError as error:
        problems.append(error.problem)
    return tuple(problems)


def _obstacle(request: CertificationRequest, by: Principal) -> Problem | None:
    if request.state is not RequestState.REQUESTED:
        return None
    try:
        check_may_decide(request, by)
    except CertdeskError as error:
        return error.problem
    return None
