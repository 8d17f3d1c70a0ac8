"""Submitting a request, once, however often it is sent."""

from dataclasses import dataclass, replace

from certdesk.domain.codes import Voucher
from certdesk.domain.enrollment import (
    DAY,
    PROTOCOL_DOORS,
    CertificationRequest,
    DoorRule,
    Kind,
    Organisation,
    Principal,
    Role,
    Submission,
)
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import new_request_id
from certdesk.domain.states import Action, RequestState
from certdesk.domain.text import N_
from certdesk.policy.submission import Facts, approved_names, judge, normalise, owner_of
from certdesk.ra.office import Actor, Office, unknown_organisation
from certdesk.store.database import DuplicateError
from certdesk.store.requests import Case, SubmissionFacts
from certdesk.wire.pkcs10 import CSR, parse_csr

_LOOKS = 8
"""How often a submission looks again after a neighbour changed what it had seen."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a request came."""

    actor: Actor
    door: str
    renews: bytes | None = None
    """Serial number of the certificate that it renews."""
    voucher: Voucher | None = None
    """The enrollment code that came with it, which is used up by one."""


class Submissions(Office):
    """Requests come in here, through whichever door."""

    async def submit(
        self, unverified: Submission, *, source: str, door: str = "api", by: Principal | None = None
    ) -> tuple[CertificationRequest, bool]:
        """Record a request and tell whether it is new.

        The same claim with the same CSR gives the request that is there already, so an answer that got
        lost can be asked for again. A newer request for the same device cancels an undecided older one.
        Requests of kind `manager` come from administrators only. Raises the policy's errors.
        """
        if unverified.kind is Kind.MANAGER and (by is None or by.role is not Role.ADMINISTRATOR):
            raise CertdeskError(
                ErrorKind.KIND_NOT_ALLOWED, N_("managers are enrolled by an administrator"), field="kind"
            )
        submission, csr = prepared(unverified)
        return await self._submit(submission, csr, Arrival(Actor(by.name if by else "requester", source), door))

    async def _submit(self, submission: Submission, csr: CSR, arrival: Arrival) -> tuple[CertificationRequest, bool]:
        for _ in range(_LOOKS):
            # Before the facts: if it was this very request that used the code or renewed, they will have it.
            objection = await self._objection(arrival, csr)
            facts = await self._store.requests.facts(submission, csr.spki_sha256)
            if facts is None:
                raise unknown_organisation()
            if facts.same_claim:
                return await self._same(submission, csr, facts.same_claim), False
            if objection:
                raise objection
            _check_arrival(arrival, facts.organisation)
            request = self._new(submission, csr, facts, arrival)
            check_policy(request, csr, facts)
            self._proofs.check(csr)
            if await self._add(request, arrival.actor):
                return request, True
        raise CertdeskError(ErrorKind.UNAVAILABLE, N_("too many requests for this device at once: try again"))

    async def _same(self, submission: Submission, csr: CSR, request_id: str) -> CertificationRequest:
        """Return the request under the same claim, which must ask for the same; its signature may be another."""
        enrollment = await self._store.requests.enrollment(request_id)
        if enrollment is not None:
            first = enrollment.request.submission
            kept = parse_csr(csr.redacted()).info
            if first.organisation == submission.organisation and parse_csr(first.csr).info == kept:
                return enrollment.request
        raise CertdeskError(
            ErrorKind.CONFLICT, N_("this claim belongs to another request: choose a new one"), field="claim"
        )

    async def _objection(self, arrival: Arrival, csr: CSR) -> CertdeskError | None:
        """Return why nobody vouches for what arrives, by a code or by the certificate that it renews."""
        if arrival.voucher:
            return await self._objection_to_code(arrival.voucher, csr)
        if arrival.renews is not None and await self._store.requests.is_renewed(arrival.renews):
            return CertdeskError(ErrorKind.CONFLICT, N_("this certificate was renewed already: renew its successor"))
        return None

    async def _objection_to_code(self, voucher: Voucher, csr: CSR) -> CertdeskError | None:
        """Return why a code is not good for another device or for this key; None if it is."""
        standing = await self._store.codes.standing(voucher.code.id, csr.spki_sha256)
        if standing is None:
            return CertdeskError(ErrorKind.UNAUTHENTICATED, N_("this enrollment code is not known here"))
        code, has_served = standing
        if code.withdrawn_at is not None:
            return CertdeskError(ErrorKind.UNAUTHENTICATED, N_("this enrollment code was withdrawn"))
        if code.expires_at <= self._clock():
            return CertdeskError(ErrorKind.UNAUTHENTICATED, N_("this enrollment code has expired"))
        if has_served:
            return CertdeskError(ErrorKind.UNAUTHENTICATED, N_("this key has used this enrollment code already"))
        if code.used >= code.allowed:
            return CertdeskError(ErrorKind.UNAUTHENTICATED, N_("this enrollment code is used up"))
        return None

    def _new(self, submission: Submission, csr: CSR, facts: SubmissionFacts, arrival: Arrival) -> CertificationRequest:
        now, voucher, kept = self._clock(), arrival.voucher, csr.redacted()
        return CertificationRequest(
            id=new_request_id(submission.organisation, self._randomness),
            submission=submission if kept is submission.csr else replace(submission, csr=kept),
            spki_sha256=csr.spki_sha256,
            state=RequestState.REQUESTED,
            created_at=now,
            lapses_at=now + facts.organisation.request_lifetime_days * DAY,
            door=arrival.door,
            source=arrival.actor.source,
            supersedes=facts.pending or "",
            renews=arrival.renews,
            code_id=voucher.code.id if voucher else "",
            vouched_by=voucher.by.name if voucher else "",
        )

    async def _add(self, request: CertificationRequest, actor: Actor) -> bool:
        """Add the request; False means that something changed since it was judged."""
        organisation, older = request.submission.organisation, request.supersedes
        submitted = self._log.event(
            Action.SUBMIT,
            actor,
            organisation=organisation,
            subject=request.id,
            supersedes=older,
            door=request.door,
            code=request.code_id,
            vouched_by=request.vouched_by,
        )
        cancelled = (
            self._log.event(Action.CANCEL, actor, organisation=organisation, subject=older, superseded_by=request.id)
            if older
            else None
        )
        try:
            return await self._store.requests.add(request, owner_of(request.submission), submitted, cancelled)
        except DuplicateError:
            return False


def prepared(unverified: Submission) -> tuple[Submission, CSR]:
    """Return a submission as it is judged and kept, with its CSR."""
    submission = normalise(unverified)
    csr = parse_csr(submission.csr)
    names = approved_names(submission, csr) if submission.kind is Kind.SERVER else submission.names
    return replace(submission, csr=csr.der, names=names), csr


def _check_arrival(arrival: Arrival, organisation: Organisation) -> None:
    """Raise `UNAUTHENTICATED` for a device that nobody vouches for, where the organisation asks for that."""
    is_stranger = arrival.door in PROTOCOL_DOORS and arrival.renews is None and arrival.voucher is None
    if is_stranger and DoorRule.REQUIRE_CODE in organisation.door_rules:
        raise CertdeskError(ErrorKind.UNAUTHENTICATED, N_("this organisation asks devices for an enrollment code"))


def check_policy(request: CertificationRequest, csr: CSR, facts: SubmissionFacts | Case) -> None:
    """Raise everything that policy has against a request; the same at submission and at approval.

    Whoever calls also verifies the proof of possession, best afterwards: it costs ten times as much.
    """
    known = Facts(facts.key_owner, facts.key_compromised)
    problems = judge(
        request.submission,
        csr,
        facts.organisation,
        known,
        by_form=request.is_by_form,
        legacy=request.is_legacy(facts.organisation),
    )
    if problems:
        raise CertdeskError.of(problems)
