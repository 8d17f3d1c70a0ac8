"""What the doors of standard protocols share: a device is recognised by its key, and one message asks and collects.

EST and SCEP have no request IDs and no claims. A device sends its request again until there is an answer, so the
desk derives the claim from what is the same each time: the door, the organisation, the kind and the device's key
(`protocol_claim`). Whoever guesses that claim gains nothing: the native door's claims are hashes of exactly 32
octets, these are of others, and this door gives away only what the holder of the key may have, which is a
certificate, to whoever has proved to hold the key.
"""

import asyncio
from dataclasses import dataclass, replace
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certdesk.domain.codes import Voucher
from certdesk.domain.enrollment import (
    Certificate,
    CertificationRequest,
    DoorRule,
    Kind,
    Organisation,
    Principal,
    Submission,
)
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.states import PENDING, CertificateStatus, RequestState
from certdesk.domain.text import N_
from certdesk.keys.signer import SigningKey
from certdesk.ra.codes import Codes
from certdesk.ra.office import Actor, check_may_decide, no_such_certificate, no_such_organisation, no_such_request
from certdesk.ra.submission import Arrival, prepared
from certdesk.store.requests import Enrollment
from certdesk.wire.cms import parse_certificate
from certdesk.wire.pkcs10 import CSR, parse_csr
from certdesk.wire.renewal import unproven

_MOST_REQUESTS = 50
"""How many requests one key may have made at one door and under one name, one after another."""
MOST_NEW_RSA_BITS = 4096
"""Of the keys that the desk makes for devices: beyond, finding one takes many seconds."""


def protocol_claim(door: str, *parts: str | bytes) -> bytes:
    """Return the claim (SHA-256) of whoever says the same at a door: organisation, kind, key, transaction."""
    digest = sha256(b"certdesk protocol claim 1\n" + door.encode())
    for part in parts:
        octets = part.encode() if isinstance(part, str) else part
        digest.update(b"\n%d\n" % len(octets) + octets)
    return digest.digest()


def renewal_claim(door: str, peer: bytes, transaction: str | bytes) -> bytes:
    """Return the claim of the renewal of a certificate (DER)."""
    return protocol_claim(door, "renewal", peer, transaction)


def _next_claim(claim: bytes, request_id: str) -> bytes:
    """Return the claim of the request that follows one which does not stand any more."""
    return protocol_claim("next", claim, request_id)


@dataclass(frozen=True, slots=True)
class KeyAndCertificate:
    """A key that the desk made and its certificate; whoever asked for them must hand them over and forget the key."""

    private_key: bytes
    """DER PKCS#8, not encrypted."""
    certificate: Certificate


class Protocols(Codes):
    """Use cases of the EST and SCEP doors."""

    async def enroll(
        self, unverified: Submission, *, door: str, source: str, code: str = ""
    ) -> tuple[Enrollment, bool]:
        """Submit a request, or tell how the one stands that the same key made for the same; approve it if a code may.

        The submission's claim is a `protocol_claim`. A request that was rejected or superseded is told of until it
        would have lapsed; after that, or when its certificate is no longer good, asking again makes a new one.
        The second value tells whether the request is new.

        Raises `BAD_CSR` without a proof of possession, `UNAUTHENTICATED` for a code that is not good, and the
        policy's errors.
        """
        submission, csr = prepared(unverified)
        voucher = await self._voucher(code, submission.organisation, submission.kind) if code else None
        found, claim = await self._standing(submission, csr, voucher)
        is_new = False
        if found is None:
            arrival = Arrival(Actor("requester", source), door, voucher=voucher)
            request, is_new = await self._submit(replace(submission, claim_sha256=claim), csr, arrival)
        else:
            csr.verify()  # a new request is verified with everything else
            request = found.request
            if voucher and request.state is RequestState.REQUESTED and request.code_id != voucher.code.id:
                await self._vouch(request, csr, voucher, source)
        if voucher and request.state is RequestState.REQUESTED:
            return await self._approve_vouched(request.id, voucher, source), is_new
        return found or await self._enrollment(request.id), is_new

    async def enroll_with_new_key(
        self, asked: Submission, *, door: str, source: str, code: str, peer: bytes | None
    ) -> KeyAndCertificate:
        """Make a key for a device that cannot make one, and enroll or renew it at once.

        The desk keeps no such key, so nothing can wait for a decision: it takes a code, where the organisation
        lets codes approve, or the certificate (DER) that TLS has verified. The CSR says whom the key is for and
        of what kind it shall be; its own key is thrown away. Raises `FORBIDDEN` and what `enroll` and `renew_as` do.
        """
        wanted, csr = prepared(asked)
        csr.verify()
        organisation = await self.door_organisation(wanted.organisation)
        if not code and peer is None:
            raise CertdeskError(ErrorKind.UNAUTHENTICATED, N_("a key is made for those with a code or a certificate"))
        if code and DoorRule.APPROVE_VOUCHED not in organisation.door_rules:
            raise CertdeskError(
                ErrorKind.FORBIDDEN,
                N_("this organisation looks at every request first, and the desk keeps no keys meanwhile"),
            )
        private_key = await _new_key_like(csr)
        new_csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(private_key, _digest(csr))
        der = new_csr.public_bytes(Encoding.DER)
        if code:
            claim = protocol_claim(door, "new key", self._randomness(32))
            submission = replace(wanted, csr=der, claim_sha256=claim)
            enrollment, _ = await self.enroll(submission, door=door, source=source, code=code)
        else:
            enrollment = await self.renew_as(
                peer or b"", der, organisation=wanted.organisation, door=door, source=source
            )
        if enrollment.certificate is None:
            raise CertdeskError(ErrorKind.UNAVAILABLE, N_("the CA cannot sign right now: try again"))
        pkcs8 = private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return KeyAndCertificate(pkcs8, enrollment.certificate)

    async def door_organisation(self, code: str) -> Organisation:
        """Return an organisation that enrolls devices; raise `NOT_FOUND`."""
        organisation = await self._store.organisations.get(code)
        if organisation is None or not organisation.kinds:
            raise no_such_organisation()
        return organisation

    async def follow(self, claim_sha256: bytes) -> Enrollment:
        """Return the last request that was made under a `protocol_claim`; raise `NOT_FOUND`.

        Whoever calls has checked that this is the claim of whoever asks.
        """
        last = None
        for _ in range(_MOST_REQUESTS):
            found = await self._store.requests.enrollment_by_claim(claim_sha256)
            if found is None:
                break
            last, claim_sha256 = found, _next_claim(claim_sha256, found.request.id)
        if last is None:
            raise no_such_request()
        return last

    async def renew_as(
        self, peer: bytes, csr: bytes, *, organisation: str, door: str, source: str, transaction: str = ""
    ) -> Enrollment:
        """Renew the certificate (DER) that somebody has proved to hold the key of, within an organisation.

        The same CSR, or the same transaction where the protocol has such, gives the same successor. Raises
        `UNAUTHENTICATED` for a certificate that is not the desk's or is another organisation's, and what `renew`
        raises.
        """
        certificate = await self.holder(peer, organisation)
        claim = renewal_claim(door, peer, transaction or parse_csr(csr).info)
        enrollment, _ = await self.renew(
            certificate.serial_number, csr, claim, proof=None, peer=peer, source=source, door=door
        )
        return enrollment

    async def holder(self, peer: bytes, organisation: str) -> Certificate:
        """Return the desk's record of a certificate (DER) of an organisation; raise `UNAUTHENTICATED` if it has none.

        Whether it is still valid is not asked.
        """
        certificate = await self._store.certificates.get(_serial_number_of(peer), organisation)
        if certificate is None or certificate.der != peer:
            raise unproven()
        return certificate

    async def own_certificate(
        self, serial_number: bytes, *, organisation: str, spki: bytes, peer: bytes
    ) -> Certificate:
        """Return a certificate to whoever holds its key, or the key of another valid one of the same device.

        `spki` (DER) is the key that the caller has proved to hold, `peer` the certificate (DER) that came with it,
        which the caller may have made up. Raises `NOT_FOUND`, whatever of it is wrong.
        """
        certificate = await self._store.certificates.get(serial_number, organisation)
        if certificate is None:
            raise no_such_certificate()
        if certificate.spki_sha256 == sha256(spki).digest():
            return certificate
        try:
            caller = await self.holder(peer, organisation)
        except CertdeskError:
            raise no_such_certificate() from None
        is_good = caller.status is not CertificateStatus.REVOKED and self._clock() <= caller.not_after
        if not is_good or (caller.device_id, caller.kind) != (certificate.device_id, certificate.kind):
            raise no_such_certificate()
        return certificate

    async def place_of_key(self, spki_sha256: bytes, door: str) -> tuple[str, Kind]:
        """Return the organisation and kind that a key has last asked at through a door; raise `NOT_FOUND`."""
        place = await self._store.requests.place_of_key(spki_sha256, door)
        if place is None:
            raise no_such_request()
        return place

    async def note_refusal(self, door: str, organisation: str, source: str, error: CertdeskError) -> None:
        """Write down that a door turned somebody away, and why."""
        event = self._log.event(
            "request.refused",
            Actor("requester", source),
            organisation=organisation,
            subject=f"door:{door}",
            error=error.kind.value,
            detail=str(error),
        )
        await self._store.events.add(event)

    async def _standing(
        self, submission: Submission, csr: CSR, voucher: Voucher | None
    ) -> tuple[Enrollment | None, bytes]:
        """Return the request of this claim that asks for the same and still stands, or the claim for a new one."""
        claim, now = submission.claim_sha256, self._clock()
        for _ in range(_MOST_REQUESTS):
            found = await self._store.requests.enrollment_by_claim(claim)
            if found is None:
                return None, claim
            if found.request.spki_sha256 != csr.spki_sha256:
                raise CertdeskError(
                    ErrorKind.CONFLICT, N_("this transaction is another key's: begin a new one"), field="csr"
                )
            following = _next_claim(claim, found.request.id)
            if _asks_the_same(found.request, submission) and _stands(found, now, voucher):
                cancelled = found.request.state is RequestState.CANCELLED
                if not cancelled or await self._store.requests.enrollment_by_claim(following) is None:
                    return found, claim
            claim = following
        raise CertdeskError(ErrorKind.CONFLICT, N_("this key has made too many requests: make a new key"), field="csr")

    async def _approve_vouched(self, request_id: str, voucher: Voucher, source: str) -> Enrollment:
        """Approve an undecided request in the name of whoever issued its code, where the organisation allows that."""
        case = await self._store.requests.case(request_id, "")
        if case is None:
            raise no_such_request()
        issuer = voucher.by
        by = Principal(issuer.name, issuer.role, issuer.organisation, source)
        if (
            DoorRule.APPROVE_VOUCHED in case.organisation.door_rules
            and case.request.state is RequestState.REQUESTED
            and case.request.code_id == voucher.code.id
            and voucher.code.withdrawn_at is None
        ):
            try:
                check_may_decide(case.request, by)
                return await self._approve(case, by, f"enrollment code {voucher.code.id}")
            except CertdeskError as error:
                # Somebody else has decided meanwhile, or it is the manager's own: then it is a colleague's to decide.
                if error.kind not in {ErrorKind.CONFLICT, ErrorKind.FORBIDDEN}:
                    raise
        return await self._enrollment(request_id)


def _asks_the_same(request: CertificationRequest, submission: Submission) -> bool:
    first = request.submission
    return (first.device.id, first.names, first.email, first.description) == (
        submission.device.id,
        submission.names,
        submission.email,
        submission.description,
    )


def _stands(enrollment: Enrollment, now: int, voucher: Voucher | None) -> bool:
    """Tell whether a request is still the answer to whoever asks again."""
    request, certificate = enrollment.request, enrollment.certificate
    match request.state:
        case RequestState.ISSUED:
            return (
                certificate is not None
                and certificate.status is not CertificateStatus.REVOKED
                and now < certificate.not_after
            )
        case RequestState.REJECTED:
            vouched_anew = voucher is not None and voucher.code.id != request.code_id
            return now < request.lapses_at and not vouched_anew
        case RequestState.CANCELLED:
            return now < request.lapses_at
        case _:
            return request.state in PENDING


def refusal_of(request: CertificationRequest) -> CertdeskError:
    """Say why a request that is decided has no certificate: the rejecter's reason, word for word."""
    if request.state is RequestState.REJECTED:
        return CertdeskError(
            ErrorKind.FORBIDDEN, N_("request {id} was rejected: {reason}"), id=request.id, reason=request.reason
        )
    if request.state is RequestState.CANCELLED:
        return CertdeskError(
            ErrorKind.CONFLICT,
            N_("request {id} was superseded by a newer one of the same device, {newer}"),
            id=request.id,
            newer=request.superseded_by,
        )
    return CertdeskError(ErrorKind.CONFLICT, N_("nobody decided request {id} in time: ask again"), id=request.id)


async def _new_key_like(csr: CSR) -> SigningKey:
    """Return a new key of the kind and size of a CSR's."""
    match csr.public_key:
        case ec.EllipticCurvePublicKey() as key:
            return ec.generate_private_key(key.curve)
        case rsa.RSAPublicKey() as key if key.key_size <= MOST_NEW_RSA_BITS:
            # Finding primes takes up to seconds; others go on meanwhile.
            return await asyncio.to_thread(rsa.generate_private_key, 65537, key.key_size)
        case ed25519.Ed25519PublicKey():
            return ed25519.Ed25519PrivateKey.generate()
    raise CertdeskError(ErrorKind.WEAK_KEY, N_("the desk makes no keys of this kind and size"), field="csr")


def _digest(csr: CSR) -> SHA256 | None:
    return None if isinstance(csr.public_key, ed25519.Ed25519PublicKey) else SHA256()


def _serial_number_of(certificate: bytes) -> bytes:
    # What is not among the desk's own records need not be sound, so nothing more than this is read of it.
    try:
        return parse_certificate(certificate).serial_number
    except ValueError:
        raise unproven() from None
