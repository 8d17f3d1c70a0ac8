"""Approving and rejecting, issuing what was approved, and letting lapse what nobody decided.

Approval is two changes with the signature between them. The first takes the request from requested to
approved and records the serial number and the intent to sign; only when that is on the disk does the
CA sign; the second takes it to issued, with the certificate. If the desk dies in between, the request
stays approved and `resume` begins another attempt, with another serial number: whatever the first one
signed, its serial number is known and its certificate was never given out.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from certdesk.ca.order import CertificateOrder
from certdesk.ca.profiles import subject_text
from certdesk.domain.clock import MINUTE, SECOND
from certdesk.domain.enrollment import DAY, Certificate, CertificationRequest, Kind, Principal
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import sha256
from certdesk.domain.states import Action, CertificateStatus, RequestState
from certdesk.domain.text import N_
from certdesk.ra.office import DESK, Actor, check_may_decide, checked_text, hidden_from, no_such_request
from certdesk.ra.submission import Submissions, check_policy
from certdesk.store.requests import Case, Enrollment, Intent
from certdesk.wire.pkcs10 import CSR, parse_csr

_BACKDATED = 5 * MINUTE
"""Certificates are valid from a little earlier, for devices whose clocks are late."""
_STALLED = 30 * SECOND
"""An issuance that takes longer than this is begun again."""
_SLICE = 100


class Decisions(Submissions):
    """What happens to a request after it was submitted."""

    async def approve(self, request_id: str, by: Principal, comment: str = "") -> Enrollment:
        """Approve a request and issue its certificate.

        If the CA cannot sign now, the request stays approved, the enrollment has no certificate yet, and
        issuance is resumed later. Raises `NOT_FOUND`, `FORBIDDEN`, `CONFLICT` and the policy's errors.
        """
        case = await self._case(request_id, by)
        check_may_decide(case.request, by)
        return await self._approve(case, by, checked_text("comment", comment, required=False))

    async def _approve(self, case: Case, by: Principal | Actor, comment: str) -> Enrollment:
        request = case.request
        if request.state is not RequestState.REQUESTED:
            raise already(request)
        csr = parse_csr(request.submission.csr)
        check_policy(request, csr, case)
        if not csr.is_redacted:
            self._proofs.check(csr)
        intent = self._intent(request)
        event = self._log.event(
            Action.APPROVE, by, organisation=request.submission.organisation, subject=request.id, comment=comment
        )
        if not await self._store.requests.approve(intent, by.name, comment, event):
            raise already(await self._present(request.id))
        decision: dict[str, Any] = {
            "decided_at": intent.at,
            "decided_by": by.name,
            "comment": comment,
            "attempt": intent.attempt,
        }
        try:
            return await self._issue(case, csr, intent, decision)
        except CertdeskError as error:
            if error.kind is not ErrorKind.UNAVAILABLE:
                raise
            approved = replace(request, state=RequestState.APPROVED, **decision)
            return Enrollment(approved, None, case.organisation.poll_seconds)  # it stays approved: `resume` goes on

    async def reject(self, request_id: str, by: Principal, reason: str) -> CertificationRequest:
        """Reject a request for a reason that the requester is shown word for word.

        Raises `NOT_FOUND`, `FORBIDDEN`, `CONFLICT` and `INVALID_FIELD`.
        """
        request = (await self._case(request_id, by)).request
        check_may_decide(request, by)
        reason = checked_text("reason", reason)
        if request.state is not RequestState.REQUESTED:
            raise already(request)
        at = self._clock()
        event = self._log.event(
            Action.REJECT, by, organisation=request.submission.organisation, subject=request.id, reason=reason
        )
        if not await self._store.requests.reject(request.id, by.name, reason, at, event):
            raise already(await self._present(request.id))
        return replace(request, state=RequestState.REJECTED, decided_at=at, decided_by=by.name, reason=reason)

    async def resume(self, stalled: int = _STALLED) -> int:
        """Issue what was approved at least `stalled` milliseconds ago and has no certificate yet; return how many.

        One that cannot be issued does not keep the others waiting: its error is raised after them. Raises
        `UNAVAILABLE` at once if the CA cannot sign now.
        """
        issued, refusal = 0, None
        for request_id in await self._store.requests.unissued(self._clock() - stalled, _SLICE):
            try:
                issued += await self._resume(request_id)
            except CertdeskError as error:
                if error.kind is ErrorKind.UNAVAILABLE:
                    raise
                refusal = error
        if refusal is not None:
            raise refusal
        return issued

    async def _resume(self, request_id: str) -> bool:
        case = await self._store.requests.case(request_id, "")
        if case is None or case.request.state is not RequestState.APPROVED:
            return False
        intent = self._intent(case.request)
        if not await self._store.requests.resume(intent):
            return False
        enrollment = await self._issue(case, parse_csr(case.request.submission.csr), intent, {})
        return enrollment.certificate is not None

    async def lapse(self) -> int:
        """Let requests lapse that nobody decided in time; return how many."""
        lapsed, now = 0, self._clock()
        for request_id, organisation in await self._store.requests.lapsing(now, _SLICE):
            event = self._log.event(Action.LAPSE, DESK, organisation=organisation, subject=request_id)
            lapsed += await self._store.requests.lapse(request_id, now, event)
        return lapsed

    async def _case(self, request_id: str, by: Principal) -> Case:
        case = await self._store.requests.case(request_id, by.organisation)
        if case is None or case.request.submission.kind is hidden_from(by):
            raise no_such_request()
        return case

    async def _present(self, request_id: str) -> CertificationRequest:
        enrollment = await self._store.requests.enrollment(request_id)
        if enrollment is None:
            raise no_such_request()
        return enrollment.request

    def _intent(self, request: CertificationRequest) -> Intent:
        return Intent(request.id, self._ca.new_serial_number(), request.attempt + 1, self._ca.issuer, self._clock())

    async def _issue(self, case: Case, csr: CSR, intent: Intent, decision: Mapping[str, Any]) -> Enrollment:
        """Sign and record the certificate; `decision` is what was decided since the case was read."""
        request, poll_seconds = case.request, case.organisation.poll_seconds
        order = self._order(case, csr, intent)
        der = await self._ca.issue(order)
        certificate = self._certificate(request, order, der)
        organisation, serial = request.submission.organisation, certificate.serial_number.hex()
        issued = self._log.event(
            Action.ISSUE, DESK, organisation=organisation, subject=request.id, serial_number=serial
        )
        superseded = None
        if request.renews is not None:
            superseded = (
                request.renews,
                self._log.event(
                    Action.SUPERSEDE, DESK, organisation=organisation, subject=request.renews.hex(), by=serial
                ),
            )
        if not await self._store.requests.issue(certificate, intent.attempt, issued, superseded):
            return await self._enrollment(request.id)  # another attempt was faster
        issued_request = replace(
            request, state=RequestState.ISSUED, serial_number=certificate.serial_number, **decision
        )
        return Enrollment(issued_request, certificate, poll_seconds)

    async def _enrollment(self, request_id: str) -> Enrollment:
        enrollment = await self._store.requests.enrollment(request_id)
        if enrollment is None:
            raise no_such_request()
        return enrollment

    def _order(self, case: Case, csr: CSR, intent: Intent) -> CertificateOrder:
        submission, organisation = case.request.submission, case.organisation
        not_before = intent.at - _BACKDATED
        return CertificateOrder(
            serial_number=intent.serial_number,
            kind=submission.kind,
            country=organisation.country,
            organisation_name=organisation.name,
            state_or_province=submission.state_or_province,
            locality=submission.locality,
            common_name=submission.common_name or case.request.id,
            email=submission.email if submission.kind is not Kind.SERVER else "",
            names=submission.names,
            spki=csr.spki,
            not_before=not_before,
            not_after=min(intent.at + organisation.validity_days * DAY, self._ca.not_after),
        )

    def _certificate(self, request: CertificationRequest, order: CertificateOrder, der: bytes) -> Certificate:
        submission = request.submission
        return Certificate(
            serial_number=order.serial_number,
            request_id=request.id,
            organisation=submission.organisation,
            kind=submission.kind,
            status=CertificateStatus.VALID,
            subject=subject_text(order),
            email=submission.email,
            device_id=submission.device.id,
            not_before=order.not_before // SECOND * SECOND,
            not_after=order.not_after // SECOND * SECOND,
            der=der,
            fingerprint=sha256(der),
            spki_sha256=request.spki_sha256,
            issuer=self._ca.issuer,
        )


def already(request: CertificationRequest) -> CertdeskError:
    """Say who decided a request, what and when."""
    when = datetime.fromtimestamp((request.decided_at or request.created_at) // 1000, UTC)
    return CertdeskError(
        ErrorKind.CONFLICT,
        N_("request {id} is {state} already: {by}, {when}"),
        id=request.id,
        state=request.state.value,
        by=request.decided_by or request.superseded_by or "desk",
        when=f"{when:%Y-%m-%d %H:%M:%S} UTC",
    )
