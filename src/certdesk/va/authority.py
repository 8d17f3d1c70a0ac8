"""The validation authority: it tells relying parties what a certificate is worth, by OCSP and by revocation lists.

    va = ValidationAuthority(ca, Responder(ca, system_clock), store.validation, system_clock)
    answer = await va.ocsp(der_request)

The usual question costs one read of the store: its answer is kept there, signed beforehand by `presign`.
"""

import asyncio
from dataclasses import dataclass

from certdesk.ca.authority import CertificateAuthority
from certdesk.ca.hierarchy import ISSUING, ROOT, CACertificate
from certdesk.ca.signing import SERIAL_NUMBER_LENGTH, Validity
from certdesk.domain.clock import HOUR, MINUTE, SECOND, Clock
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.states import CertificateStatus
from certdesk.domain.text import N_
from certdesk.domain.validation import StoredAnswer, StoredCRL, ValidationStatus, ValidationStore
from certdesk.va.answers import (
    KEPT_ALGORITHM,
    MALFORMED_REQUEST,
    UNAUTHORIZED,
    issuer_hashes,
    sign_answer,
    single_response,
)
from certdesk.va.requests import CertID, OCSPRequest, parse_request
from certdesk.va.responder import Credential, Responder
from certdesk.wire import der

ANSWER_VALIDITY = 24 * HOUR
_UNKNOWN_VALIDITY = 5 * MINUTE
"""Short, for a certificate that is unknown now may be issued in a moment."""
_AT_ONCE = 20
"""How many answers are signed before other work gets its turn: about a millisecond."""


@dataclass(frozen=True, slots=True)
class OCSPAnswer:
    """A DER OCSPResponse and how long HTTP may keep it."""

    der: bytes
    this_update: int
    next_update: int
    cacheable: bool
    """Whether the same answer may serve another who sends the same request (RFC 5019 §6)."""


class ValidationAuthority:
    """Answers about the certificates of the issuing CA; writes nothing but the answers that it keeps."""

    def __init__(self, ca: CertificateAuthority, responder: Responder, store: ValidationStore, clock: Clock) -> None:
        self._hierarchy = ca.hierarchy
        self._responder = responder
        self._store = store
        self._clock = clock
        self._issuer_hashes = issuer_hashes(ca.hierarchy.issuing)
        self._kept_hashes = self._issuer_hashes[KEPT_ALGORITHM]
        example = der.tlv(der.INTEGER, bytes(SERIAL_NUMBER_LENGTH))
        question = der.sequence(der.sequence(der.sequence(der.sequence(self._kept_cert_id(example)))))
        self._usual_question = question[:-SERIAL_NUMBER_LENGTH]
        """What stands before the serial number when nothing else is asked, as most clients do (RFC 5019 §2.1.1)."""

    async def ocsp(self, unverified_request: bytes) -> OCSPAnswer:
        """Answer a DER OCSPRequest; what cannot be answered gets the protocol's own unsigned refusal."""
        if unverified_request[:-SERIAL_NUMBER_LENGTH] == self._usual_question:
            kept = self._kept(await self._store.status(unverified_request[-SERIAL_NUMBER_LENGTH:]))
            if kept:
                return kept
        try:
            request = parse_request(unverified_request)
        except ValueError:
            return self._refusal(MALFORMED_REQUEST)
        if any(self._issuer_hashes.get(each.algorithm) != each.issuer_hashes for each in request.cert_ids):
            return self._refusal(UNAUTHORIZED)
        statuses = [await self._status(each) for each in request.cert_ids]
        kept = self._kept(statuses[0]) if self._is_usual(request) else None
        return kept or await self._signed(request, statuses)

    async def presign(self, limit: int) -> int:
        """Sign and keep answers that are missing, not true any more, or past half of their life.

        Return how many, at most `limit`; as many as that means there may be more to do.
        """
        now = self._now()
        stale = await self._store.stale_answers(now, now + ANSWER_VALIDITY // 2, limit)
        credential = await self._responder.credential()
        for begin in range(0, len(stale), _AT_ONCE):
            await self._store.keep_answers(
                [self._to_keep(each, credential) for each in stale[begin : begin + _AT_ONCE]]
            )
            await asyncio.sleep(0)
        if len(stale) < limit:
            await self._store.forget_expired(now)
        return len(stale)

    async def crl(self, name: str) -> StoredCRL:
        """Return the latest list of the CA called `root` or `issuing`; raise `NOT_FOUND` if there is none."""
        crl = await self._store.latest_crl(self._ca(name).issuer)
        if crl is None:
            raise CertdeskError(ErrorKind.NOT_FOUND, N_("there is no revocation list yet"))
        return crl

    def ca_certificate(self, name: str) -> bytes:
        """Return the DER certificate of the CA called `root` or `issuing`; raise `NOT_FOUND` for any other name."""
        return self._ca(name).der

    def _ca(self, name: str) -> CACertificate:
        try:
            return {ROOT: self._hierarchy.root, ISSUING: self._hierarchy.issuing}[name]
        except KeyError:
            raise CertdeskError(ErrorKind.NOT_FOUND, N_("there is no such certificate authority")) from None

    def _now(self) -> int:
        return self._clock() // SECOND * SECOND

    async def _status(self, cert_id: CertID) -> ValidationStatus | None:
        if len(cert_id.serial_number) != SERIAL_NUMBER_LENGTH:
            return None  # none of ours, so storage need not be asked
        return await self._store.status(cert_id.serial_number)

    def _is_usual(self, request: OCSPRequest) -> bool:
        """Tell whether a kept answer can be what was asked for."""
        return (
            request.nonce is None
            and len(request.cert_ids) == 1
            and request.cert_ids[0].issuer_hashes == self._kept_hashes
        )

    def _kept(self, status: ValidationStatus | None) -> OCSPAnswer | None:
        """Return the kept answer if there is one that is still true."""
        answer = status and status.answer
        if (
            status is None
            or not answer
            or answer.next_update <= self._clock()
            or (answer.status is CertificateStatus.REVOKED) is not (status.status is CertificateStatus.REVOKED)
        ):
            return None
        return OCSPAnswer(answer.der, answer.this_update, answer.next_update, cacheable=True)

    def _kept_cert_id(self, serial_number: bytes) -> bytes:
        """Return the DER CertID by which kept answers name a certificate, from its serial number in DER."""
        return der.sequence(KEPT_ALGORITHM, self._kept_hashes, serial_number)

    async def _signed(self, request: OCSPRequest, statuses: list[ValidationStatus | None]) -> OCSPAnswer:
        now = self._now()
        validity = Validity(now, now + (_UNKNOWN_VALIDITY if None in statuses else ANSWER_VALIDITY))
        responses = b"".join(
            single_response(cert_id.der, status, validity)
            for cert_id, status in zip(request.cert_ids, statuses, strict=True)
        )
        der_answer = sign_answer(await self._responder.credential(), now, responses, request.nonce)
        cacheable = request.nonce is None and None not in statuses
        return OCSPAnswer(der_answer, now, validity.not_after, cacheable)

    def _to_keep(self, status: ValidationStatus, credential: Credential) -> StoredAnswer:
        now = self._now()
        validity = Validity(now, now + ANSWER_VALIDITY)
        cert_id = self._kept_cert_id(der.tlv(der.INTEGER, status.serial_number))
        der_answer = sign_answer(credential, now, single_response(cert_id, status, validity))
        return StoredAnswer(status.serial_number, status.status, der_answer, now, validity.not_after)

    def _refusal(self, der_answer: bytes) -> OCSPAnswer:
        now = self._now()
        return OCSPAnswer(der_answer, now, now, cacheable=False)
