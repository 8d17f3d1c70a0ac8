"""Submitting a request, once, however often it is sent."""

from dataclasses import replace

from certdesk.domain.enrollment import DAY, CertificationRequest, Kind, Principal, Role, Submission
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import new_request_id
from certdesk.domain.states import Action, RequestState
from certdesk.domain.text import N_
from certdesk.policy.submission import Facts, approved_names, judge, normalise, owner_of
from certdesk.ra.office import Actor, Office
from certdesk.store.database import DuplicateError
from certdesk.store.requests import Case, SubmissionFacts
from certdesk.wire.pkcs10 import CSR, parse_csr

_LOOKS = 8
"""How often a submission looks again after a neighbour changed what it had seen."""


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
        return await self._submit(unverified, Actor(by.name if by else "requester", source), door)

    async def _submit(
        self, unverified: Submission, actor: Actor, door: str, renews: bytes | None = None
    ) -> tuple[CertificationRequest, bool]:
        submission = normalise(unverified)
        csr = parse_csr(submission.csr)
        names = approved_names(submission, csr) if submission.kind is Kind.SERVER else submission.names
        submission = replace(submission, csr=csr.der, names=names)
        for _ in range(_LOOKS):
            facts = await self._store.requests.facts(submission, csr.spki_sha256)
            if facts is None:
                raise CertdeskError(
                    ErrorKind.INVALID_FIELD, N_("there is no such organisation at this desk"), field="organisation"
                )
            if facts.same_claim:
                return await self._same(submission, facts.same_claim), False
            check_policy(submission, csr, facts)
            request = self._new(submission, csr, facts, actor, door, renews)
            if await self._add(request, actor):
                return request, True
        raise CertdeskError(ErrorKind.UNAVAILABLE, N_("too many requests for this device at once: try again"))

    async def _same(self, submission: Submission, request_id: str) -> CertificationRequest:
        enrollment = await self._store.requests.enrollment(request_id)
        if enrollment is None or (
            (enrollment.request.submission.csr, enrollment.request.submission.organisation)
            != (submission.csr, submission.organisation)
        ):
            raise CertdeskError(
                ErrorKind.CONFLICT, N_("this claim belongs to another request: choose a new one"), field="claim"
            )
        return enrollment.request

    def _new(
        self,
        submission: Submission,
        csr: CSR,
        facts: SubmissionFacts,
        actor: Actor,
        door: str,
        renews: bytes | None,
    ) -> CertificationRequest:
        now = self._clock()
        return CertificationRequest(
            id=new_request_id(submission.organisation, self._randomness),
            submission=submission,
            spki_sha256=csr.spki_sha256,
            state=RequestState.REQUESTED,
            created_at=now,
            lapses_at=now + facts.organisation.request_lifetime_days * DAY,
            door=door,
            source=actor.source,
            supersedes=facts.pending or "",
            renews=renews,
        )

    async def _add(self, request: CertificationRequest, actor: Actor) -> bool:
        """Add the request; False means that something changed since it was judged."""
        organisation, older = request.submission.organisation, request.supersedes
        submitted = self._log.event(
            Action.SUBMIT, actor, organisation=organisation, subject=request.id, supersedes=older, door=request.door
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


def check_policy(submission: Submission, csr: CSR, facts: SubmissionFacts | Case) -> None:
    """Raise everything that policy has against a request; the same at submission and at approval."""
    problems = judge(submission, csr, facts.organisation, Facts(facts.key_owner, facts.key_compromised))
    if problems:
        raise CertdeskError.of(problems)
    csr.verify()
