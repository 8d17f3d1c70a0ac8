"""PKIOperation (RFC 8894 §3 and §4.3): opens a message, calls one use case, and signs the answer.

Nothing is remembered of nonces: a message that comes twice has the same transaction and the same key, so it is
answered from the same request, and the answer can be read by whoever holds the key alone.
"""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import rsa

from certdesk.ca.hierarchy import ISSUING, ROOT, Hierarchy
from certdesk.ca.scep_identity import SCEPIdentities, SCEPIdentity
from certdesk.domain.enrollment import DoorRule, Kind, Organisation
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.states import PENDING
from certdesk.domain.text import N_
from certdesk.doors.devices import submission_of
from certdesk.doors.scep.refusals import FAIL_INFO, FAIL_INFO_OF_MESSAGE, error_of, sentence_of
from certdesk.policy.keys import LEAST_RSA_BITS, MOST_RSA_BITS
from certdesk.ra import Enrollment, RegistrationAuthority
from certdesk.ra.protocols import protocol_claim, refusal_of, renewal_claim
from certdesk.va.authority import ValidationAuthority
from certdesk.wire.cms import (
    STRONG_CIPHERS,
    STRONG_DIGESTS,
    Certificate,
    Cipher,
    CMSError,
    Digest,
    Enveloped,
    Party,
    Why,
    certs_only,
    enveloped,
    parse_enveloped,
)
from certdesk.wire.pkcs10 import CHALLENGE_PASSWORD, parse_csr
from certdesk.wire.scep import (
    FailInfo,
    MessageType,
    PKIMessage,
    PKIStatus,
    answer_attributes,
    parse_issuer_and_serial_number,
    parse_message,
)

DOOR = "scep"

_NONCE_LENGTH = 16
_SERIAL_NUMBER_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message was sent, and by whom."""

    organisation: str
    kind: Kind
    source: str
    app: str
    """What the client calls itself."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a message was answered."""

    der: bytes
    error: CertdeskError | None = None
    """Why it was turned away."""
    is_stranger: bool = False
    """Whether it made a new request that nobody vouches for."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """A message whose signature has been verified and whose content has been decrypted."""

    message: PKIMessage
    signer: Certificate
    key: rsa.RSAPublicKey
    """The signer's, for which the answer is encrypted."""
    cipher: Cipher
    content: bytes
    place: Place


@dataclass(frozen=True, slots=True)
class _Result:
    """What a use case came to."""

    certificates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()
    refusal: CertdeskError | None = None
    """Told, and not written down: it is somebody's decision."""
    is_stranger: bool = False

    @property
    def status(self) -> PKIStatus:
        """How that is called."""
        if self.refusal:
            return PKIStatus.FAILURE
        return PKIStatus.SUCCESS if self.certificates or self.crls else PKIStatus.PENDING


class PKIOperation:
    """Answers messages."""

    def __init__(
        self, ra: RegistrationAuthority, va: ValidationAuthority, identities: SCEPIdentities, ca: Hierarchy
    ) -> None:
        self._ra = ra
        self._va = va
        self._identities = identities
        self._ca = ca
        self._calls: dict[str, Callable[[_Opened], Awaitable[_Result]]] = {
            MessageType.PKCS_REQ: self._pkcs_req,
            MessageType.RENEWAL_REQ: self._renewal_req,
            MessageType.CERT_POLL: self._cert_poll,
            MessageType.GET_CERT: self._get_cert,
            MessageType.GET_CRL: self._get_crl,
        }

    async def answer(self, unverified_octets: bytes, place: Place) -> Reply:
        """Answer a message; raise `MALFORMED` for one that says too little to be answered, and `NOT_FOUND`."""
        organisation = await self._ra.door_organisation(place.organisation)
        try:
            message = parse_message(unverified_octets)
        except ValueError:
            raise CertdeskError(ErrorKind.MALFORMED, N_("this is not a SCEP message")) from None
        identity = await self._identities.current()
        digests, ciphers = _allowed(organisation)
        digest = _digest_for(message, digests)
        try:
            opened, identity = await self._opened(message, digests, ciphers, place)
            result = await self._call(opened)
        except CMSError as refused:
            error = error_of(refused)
            return Reply(_failure(message, identity, digest, FAIL_INFO_OF_MESSAGE[refused.why], str(error)), error)
        except CertdeskError as error:
            fail_info = FAIL_INFO[error.kind]
            if fail_info is None:
                raise
            return Reply(_failure(message, identity, digest, fail_info, sentence_of(error)), error)
        return Reply(_answer(opened, identity, digest, result), is_stranger=result.is_stranger)

    async def _opened(
        self, message: PKIMessage, digests: frozenset[Digest], ciphers: frozenset[Cipher], place: Place
    ) -> tuple[_Opened, SCEPIdentity]:
        """Verify and decrypt a message; raise `CMSError`, or `NOT_FOUND` if it is encrypted for somebody else."""
        signer = message.signed.verify(digests)
        key = signer.public_key()
        # Nobody else can be sent an encrypted answer, and to a tiny key not even they.
        if not isinstance(key, rsa.RSAPublicKey) or not LEAST_RSA_BITS <= key.key_size <= MOST_RSA_BITS:
            raise CMSError(Why.ALGORITHM)
        envelope = _envelope_in(message)
        identity = await self._identities.named(tuple(each.party for each in envelope.recipients))
        if identity is None:
            raise CertdeskError(
                ErrorKind.NOT_FOUND, N_("this message is encrypted for another certificate: ask for it by GetCACert")
            )
        content = identity.open(envelope, ciphers)
        return _Opened(message, signer, key, envelope.cipher or Cipher.AES_128, content, place), identity

    async def _call(self, opened: _Opened) -> _Result:
        call = self._calls.get(opened.message.type)
        if call is None:
            raise CertdeskError(ErrorKind.INVALID_FIELD, N_("the desk knows no SCEP message of this type"))
        return await call(opened)

    async def _pkcs_req(self, opened: _Opened) -> _Result:
        """Enroll, wait or collect (§3.3.1); signed with a certificate of the desk's, it is a renewal."""
        if self._is_ours(opened.signer):
            return await self._renewal_req(opened)
        place, csr = opened.place, parse_csr(opened.content)
        submission = submission_of(csr, place.organisation, place.kind, _claim(opened), place.app)
        code = csr.attribute(CHALLENGE_PASSWORD) or ""
        enrollment, is_new = await self._ra.enroll(submission, door=DOOR, source=place.source, code=code)
        return _outcome(enrollment, is_stranger=is_new and not code)

    async def _renewal_req(self, opened: _Opened) -> _Result:
        """Renew the certificate that the message is signed with (§3.3.1.2)."""
        place = opened.place
        enrollment = await self._ra.renew_as(
            opened.signer.der,
            opened.content,
            organisation=place.organisation,
            door=DOOR,
            source=place.source,
            transaction=opened.message.transaction_id,
        )
        return _outcome(enrollment)

    async def _cert_poll(self, opened: _Opened) -> _Result:
        """Tell how a transaction of the same key stands (§3.3.3); the names in the message are not needed for that."""
        if self._is_ours(opened.signer):
            return _outcome(
                await self._ra.follow(renewal_claim(DOOR, opened.signer.der, opened.message.transaction_id))
            )
        return _outcome(await self._ra.follow(_claim(opened)))

    async def _get_cert(self, opened: _Opened) -> _Result:
        """Return a certificate to its holder (§3.3.4)."""
        wanted = _party_in(opened.content)
        if wanted.issuer != self._ca.issuing.subject or len(wanted.serial_number) != _SERIAL_NUMBER_LENGTH:
            raise CertdeskError(ErrorKind.NOT_FOUND, N_("there is no such certificate"))
        certificate = await self._ra.own_certificate(
            wanted.serial_number,
            organisation=opened.place.organisation,
            spki=opened.signer.spki,
            peer=opened.signer.der,
        )
        return _Result((certificate.der,))

    async def _get_crl(self, opened: _Opened) -> _Result:
        """Return the revocation list of a certificate's issuer (§3.3.4)."""
        issuer = _party_in(opened.content).issuer
        names = {self._ca.issuing.subject: ISSUING, self._ca.root.subject: ROOT}
        if issuer not in names:
            raise CertdeskError(ErrorKind.NOT_FOUND, N_("there is no such certificate authority"))
        return _Result(crls=((await self._va.crl(names[issuer])).der,))

    def _is_ours(self, certificate: Certificate) -> bool:
        """Tell whether a certificate says that the desk has issued it."""
        return certificate.issuer == self._ca.issuing.subject


def _envelope_in(message: PKIMessage) -> Enveloped:
    try:
        return parse_enveloped(message.signed.content)
    except ValueError:
        raise CMSError(Why.CONTENT) from None


def _party_in(content: bytes) -> Party:
    try:
        return parse_issuer_and_serial_number(content)
    except ValueError:
        raise CMSError(Why.CONTENT) from None


def _claim(opened: _Opened) -> bytes:
    """Return the claim of a transaction: nobody continues it without the key that signed its first message."""
    place, message = opened.place, opened.message
    return protocol_claim(DOOR, place.organisation, place.kind, message.transaction_id, opened.signer.spki)


def _outcome(enrollment: Enrollment, *, is_stranger: bool = False) -> _Result:
    if enrollment.certificate is not None:
        return _Result((enrollment.certificate.der,))
    if enrollment.request.state in PENDING:
        return _Result(is_stranger=is_stranger)
    return _Result(refusal=refusal_of(enrollment.request))


def _answer(opened: _Opened, identity: SCEPIdentity, digest: Digest, result: _Result) -> bytes:
    """Return a CertRep: on success with certificates or lists that only the signer can decrypt."""
    if result.refusal:
        return _failure(opened.message, identity, digest, FailInfo.BAD_REQUEST, str(result.refusal))
    content = b""
    if result.status is PKIStatus.SUCCESS:
        message = certs_only(result.certificates, result.crls)
        content = enveloped(message, opened.key, opened.signer, opened.cipher)
    attributes = answer_attributes(opened.message, result.status, os.urandom(_NONCE_LENGTH))
    return identity.sign(content, attributes, digest)


def _failure(message: PKIMessage, identity: SCEPIdentity, digest: Digest, fail_info: FailInfo, text: str) -> bytes:
    attributes = answer_attributes(message, PKIStatus.FAILURE, os.urandom(_NONCE_LENGTH), fail_info, text)
    return identity.sign(b"", attributes, digest)


def _allowed(organisation: Organisation) -> tuple[frozenset[Digest], frozenset[Cipher]]:
    """Return what an organisation's messages may be hashed and encrypted with."""
    if DoorRule.LEGACY_SCEP in organisation.door_rules:
        return STRONG_DIGESTS | {Digest.SHA1}, STRONG_CIPHERS | {Cipher.TRIPLE_DES}
    return STRONG_DIGESTS, STRONG_CIPHERS


def _digest_for(message: PKIMessage, allowed: frozenset[Digest]) -> Digest:
    """Return what to hash an answer with: what the device has hashed with, if the desk signs that."""
    digest = message.signed.digest
    return digest if digest in allowed else Digest.SHA256
