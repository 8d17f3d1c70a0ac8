"""Passkeys (WebAuthn Level 3): registering them, signing in with one, renaming and removing them.

The relying party is the desk's URL: its host is the RP ID, itself the origin. An authenticator's answer counts
only for a challenge that the desk gave out for this very purpose a few minutes ago, and only once. The user must
have been verified by the authenticator (fingerprint, face, PIN), so a passkey is as good as a certificate.
"""

import ipaddress
from urllib.parse import urlsplit

import msgspec
import webauthn
from webauthn.helpers import exceptions
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from certdesk.domain.clock import MINUTE
from certdesk.domain.credentials import Passkey
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.sessions import Session, SignInMethod
from certdesk.domain.text import N_
from certdesk.policy.fields import judge_text, normal_text
from certdesk.ra.registry import DESK_URL
from certdesk.ra.sessions import Sessions
from certdesk.store.database import DuplicateError
from certdesk.store.events import SealedEvent

LONGEST_NAME = 64
MOST_PASSKEYS = 20
"""Of one manager: more than anybody's devices, few enough for one look."""
_ANSWER_WITHIN = 5 * MINUTE
_REGISTER, _SIGN_IN = "register", "sign in"
_HANDLE = 32
"""Octets of a user handle, with which the challenge of a registration begins."""
_MALFORMED = (exceptions.WebAuthnException, ValueError, TypeError, KeyError, RecursionError)
"""What the library raises for answers that are not as the specification wants them."""
_TRANSPORTS = {transport.value for transport in AuthenticatorTransport}


class RelyingParty(msgspec.Struct, frozen=True):
    """What authenticators know the desk as."""

    id: str
    origin: str


def relying_party_of(desk_url: str) -> RelyingParty:
    """Return the relying party of a desk's URL.

    Raises `CONFLICT` if the desk is called by an IP address: the RP ID has to be a domain (WebAuthn §5.1.2).
    """
    parts = urlsplit(desk_url)
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return RelyingParty(host, f"{parts.scheme}://{parts.netloc}")
    raise CertdeskError(
        ErrorKind.CONFLICT,
        N_("passkeys are kept for names, and this desk is called by an address ({host}): its operator can name it"),
        host=host,
    )


class Passkeys(Sessions):
    """Use cases of passkeys; a manager has and manages their own only."""

    async def passkeys(self, session: Session) -> list[Passkey]:
        """Return the manager's own passkeys, the oldest first."""
        return await self._store.passkeys.of_manager(session.email)

    async def offer_passkey(self, session: Session) -> str:
        """Return the options for a new passkey of the manager, as JSON for `navigator.credentials.create`."""
        party = await self._relying_party()
        present = await self._store.passkeys.of_manager(session.email)
        handle = present[0].user_handle if present else self._randomness(_HANDLE)
        challenge = handle + self._randomness(32)
        await self._give(challenge, _REGISTER, session.email)
        options = webauthn.generate_registration_options(
            rp_id=party.id,
            rp_name="Certdesk",
            user_id=handle,
            user_name=session.email,
            user_display_name=session.name,
            challenge=challenge,
            timeout=_ANSWER_WITHIN,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                require_resident_key=True,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[_descriptor(passkey) for passkey in present],
        )
        return webauthn.options_to_json(options)

    async def add_passkey(self, session: Session, name: str, unverified_credential: str, source: str) -> Passkey:
        """Keep the passkey that an authenticator has made.

        Raises `INVALID_FIELD`, `MALFORMED`, `UNAUTHENTICATED` if it answers no challenge of ours, and `CONFLICT`.
        """
        name = _checked_name(name)
        party = await self._relying_party()
        credential = _registration(unverified_credential)
        challenge = await self._take(credential.response.client_data_json, _REGISTER, session.email)
        verified = _verified_registration(credential, challenge, party)
        passkey = Passkey(
            credential_id=verified.credential_id,
            email=session.email,
            user_handle=challenge[:_HANDLE],
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
            name=name,
            transports=tuple(transport.value for transport in credential.response.transports or ()),
            created_at=self._clock(),
        )
        await self._keep(passkey, self._passkey_event("passkey.added", session, source, name))
        return passkey

    async def _keep(self, passkey: Passkey, event: SealedEvent) -> None:
        try:
            added = await self._store.passkeys.add(passkey, MOST_PASSKEYS, event)
        except DuplicateError:
            raise CertdeskError(ErrorKind.CONFLICT, N_("this passkey is registered already")) from None
        if not added:
            raise CertdeskError(
                ErrorKind.CONFLICT, N_("{most} passkeys are the most: remove one first"), most=MOST_PASSKEYS
            )

    async def ask_for_passkey(self) -> str:
        """Return the options for signing in, as JSON for `navigator.credentials.get`; any passkey may answer."""
        party = await self._relying_party()
        challenge = self._randomness(32)
        await self._give(challenge, _SIGN_IN, "")
        options = webauthn.generate_authentication_options(
            rp_id=party.id,
            challenge=challenge,
            timeout=_ANSWER_WITHIN,
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return webauthn.options_to_json(options)

    async def sign_in_with_passkey(
        self, unverified_credential: str, *, source: str, user_agent: str
    ) -> tuple[bytes, Session]:
        """Open a session for the manager whose passkey has signed our challenge.

        Raises `MALFORMED`, and `UNAUTHENTICATED` for everything else: whoever has no passkey learns no more.
        """
        party = await self._relying_party()
        credential = _authentication(unverified_credential)
        challenge = await self._take(credential.response.client_data_json, _SIGN_IN, "")
        passkey = await self._store.passkeys.get(credential.raw_id)
        if passkey is None or credential.response.user_handle != passkey.user_handle:
            raise _not_proven()
        count = _verified_count(credential, challenge, party, passkey)
        return await self._open(passkey, count, source, user_agent)

    async def _open(self, passkey: Passkey, count: int, source: str, user_agent: str) -> tuple[bytes, Session]:
        """Open a session by a passkey whose signature has been verified, unless its counter went back."""
        manager = await self._store.organisations.manager(passkey.email)
        if manager is None or manager.disabled:
            raise CertdeskError(ErrorKind.UNAUTHENTICATED, N_("this account cannot sign in"))
        token = self._randomness(32)
        session = self._new_session(token, manager, SignInMethod.PASSKEY, None, source, user_agent)
        if count <= passkey.sign_count and (count or passkey.sign_count):
            await self._store.passkeys.note(self._passkey_event("passkey.refused", session, source, passkey.name))
            raise CertdeskError(
                ErrorKind.UNAUTHENTICATED,
                N_("this passkey may have been copied, so it is refused: sign in otherwise, remove it, make another"),
            )
        event = self._passkey_event("session.opened", session, source, passkey.name, method=session.method.value)
        if not await self._store.passkeys.sign_in(passkey, count, session, event):
            raise _not_proven()
        return token, session

    async def rename_passkey(self, session: Session, credential_id: bytes, name: str, source: str) -> None:
        """Give one of the manager's own passkeys another name; raise `INVALID_FIELD` and `NOT_FOUND`."""
        name = _checked_name(name)
        passkey = await self._own(session, credential_id)
        event = self._passkey_event("passkey.renamed", session, source, name, earlier_name=passkey.name)
        if not await self._store.passkeys.rename(credential_id, session.email, name, event):
            raise _no_such_passkey()

    async def remove_passkey(self, session: Session, credential_id: bytes, source: str) -> None:
        """Remove one of the manager's own passkeys, and end the other sessions that passkeys have opened.

        It may be in other hands: nobody removes a passkey without a reason. Raises `NOT_FOUND`.
        """
        passkey = await self._own(session, credential_id)
        event = self._passkey_event("passkey.removed", session, source, passkey.name)
        if not await self._store.passkeys.remove(credential_id, session.email, session.token_sha256, event):
            raise _no_such_passkey()

    async def forget_challenges(self) -> bool:
        """Remove challenges that nobody answered in time; a job."""
        return await self._store.passkeys.forget_challenges(self._clock())

    async def _relying_party(self) -> RelyingParty:
        return relying_party_of(await self._store.organisations.property(DESK_URL) or "")

    async def _own(self, session: Session, credential_id: bytes) -> Passkey:
        passkey = await self._store.passkeys.get(credential_id)
        if passkey is None or passkey.email != session.email:
            raise _no_such_passkey()
        return passkey

    async def _give(self, challenge: bytes, purpose: str, email: str) -> None:
        await self._store.passkeys.give_challenge(challenge, purpose, email, self._clock() + _ANSWER_WITHIN)

    async def _take(self, client_data: bytes, purpose: str, email: str) -> bytes:
        """Use up the challenge that an authenticator says it answers, and return it."""
        try:
            challenge = webauthn.helpers.parse_client_data_json(client_data).challenge
        except _MALFORMED:
            raise _malformed() from None
        if not await self._store.passkeys.take_challenge(challenge, purpose, email, self._clock()):
            raise CertdeskError(
                ErrorKind.UNAUTHENTICATED,
                N_("this took too long, or was sent twice: try once more"),
                field="credential",
            )
        return challenge

    def _passkey_event(self, action: str, session: Session, source: str, name: str, **facts: str) -> SealedEvent:
        return self._log.event(
            action,
            session.principal(source),
            organisation=session.organisation,
            subject=session.email,
            passkey=name,
            **facts,
        )


def _verified_registration(
    credential: RegistrationCredential, challenge: bytes, party: RelyingParty
) -> VerifiedRegistration:
    """Return what an authenticator has made, once everything about it has been verified."""
    try:
        return webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except _MALFORMED:
        raise _not_proven() from None


def _verified_count(
    credential: AuthenticationCredential, challenge: bytes, party: RelyingParty, passkey: Passkey
) -> int:
    """Return the authenticator's signature count once its signature has been verified."""
    try:
        verified = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,  # compared by us, after the signature: a copy must be told from a lie
            require_user_verification=True,
        )
    except _MALFORMED:
        raise _not_proven() from None
    return verified.new_sign_count


def _registration(unverified_credential: str) -> RegistrationCredential:
    try:
        return webauthn.helpers.parse_registration_credential_json(unverified_credential)
    except _MALFORMED:
        raise _malformed() from None


def _authentication(unverified_credential: str) -> AuthenticationCredential:
    try:
        return webauthn.helpers.parse_authentication_credential_json(unverified_credential)
    except _MALFORMED:
        raise _malformed() from None


def _descriptor(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    transports = [AuthenticatorTransport(name) for name in passkey.transports if name in _TRANSPORTS]
    return PublicKeyCredentialDescriptor(id=passkey.credential_id, transports=transports or None)


def _checked_name(unverified_name: str) -> str:
    name = normal_text(unverified_name)
    problems = judge_text("name", name, LONGEST_NAME)
    if problems:
        raise CertdeskError.of(problems)
    return name


def _malformed() -> CertdeskError:
    return CertdeskError(
        ErrorKind.MALFORMED, N_("the browser's answer cannot be read: try once more"), field="credential"
    )


def _not_proven() -> CertdeskError:
    return CertdeskError(
        ErrorKind.UNAUTHENTICATED, N_("this passkey is not, or no longer, a manager's at this desk"), field="credential"
    )


def _no_such_passkey() -> CertdeskError:
    return CertdeskError(ErrorKind.NOT_FOUND, N_("there is no such passkey"))
