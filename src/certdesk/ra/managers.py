"""The people of the desk: registering and changing managers, their certificates, their sessions, their standing.

Everything here is an administrator's business, but for what managers do with their own account. Nobody changes
their own role, and the last administrator cannot be taken away by anybody.
"""

import string
from dataclasses import dataclass, replace

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from certdesk.domain.enrollment import Certificate, Device, Kind, Manager, Principal, Role, Submission
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import sha256
from certdesk.domain.listing import ManagerFilter, Page
from certdesk.domain.sessions import Session, SignInMethod
from certdesk.domain.states import CertificateStatus, RequestState
from certdesk.domain.text import N_
from certdesk.ra.links import Links, checked_manager, no_such_manager
from certdesk.ra.office import Actor, check_administrator
from certdesk.ra.registry import OPERATOR
from certdesk.ra.submission import Arrival, prepared
from certdesk.store.events import SealedEvent
from certdesk.store.managers import Standing
from certdesk.wire.pkcs12 import encode_pkcs12

NOTICES = ("at-once", "daily", "never")
"""When a manager is told of requests by e-mail; the first unless they choose."""
_PASSWORD_GROUPS, _GROUP = 5, 4
_PASSWORD_LETTERS = "".join(each for each in string.ascii_lowercase + string.digits if each not in "l1o0i")
_DEVICE_ID = 128
_MOST_CERTIFICATES = 20
_BY_LINK = "one-time link"


@dataclass(frozen=True, slots=True)
class ManagerIdentity:
    """A manager's new key and certificate; whoever asked for it must hand it over and forget it."""

    private_key: ec.EllipticCurvePrivateKey
    certificate: Certificate

    def pkcs12(self, chain_pem: str, password: str) -> bytes:
        """Return key, certificate and chain in a file that browsers and systems import."""
        certificate = x509.load_der_x509_certificate(self.certificate.der)
        issuers = x509.load_pem_x509_certificates(chain_pem.encode())
        return encode_pkcs12(self.certificate.email, self.private_key, certificate, issuers, password)


@dataclass(frozen=True, slots=True)
class ManagerFile:
    """Everything that an administrator is shown of a manager."""

    standing: Standing
    certificates: tuple[Certificate, ...]
    """Newest first."""
    sessions: tuple[Session, ...]
    """Running ones, the one last seen first."""


class Managers(Links):
    """Use cases of administrators about managers, and of managers about themselves."""

    async def add_manager(self, unverified: Manager, by: Principal) -> ManagerIdentity:
        """Register a manager and issue a user certificate for a key made here.

        A manager who is registered already gets the given name, role and organisation, and another
        certificate. Raises `INVALID_FIELD`, `FORBIDDEN`, and `CONFLICT` for the last administrator.
        """
        check_administrator(by)
        manager = checked_manager(unverified)
        await self._check_organisation(manager)
        earlier = await self._store.organisations.manager(manager.email)
        if earlier and earlier.role is Role.ADMINISTRATOR and not earlier.disabled:
            await self.edit_manager(manager, by)  # which spares the last administrator
        event = self._manager_event("manager.added", by, manager, name=manager.name, role=manager.role.value)
        await self._store.organisations.put_manager(manager, event)
        private_key = ec.generate_private_key(ec.SECP256R1())
        return ManagerIdentity(private_key, await self._enroll(manager, _csr_of(private_key), self._randomness(32), by))

    async def managers(
        self, by: Principal, wanted: ManagerFilter, *, after: str = "", limit: int = 50
    ) -> Page[Standing]:
        """Return one page of the managers, by e-mail address; raise `FORBIDDEN`."""
        _check_overseer(by)
        found = await self._store.managers.listing(wanted, after=after, limit=limit + 1, now=self._clock())
        last = found[limit - 1].manager.email if len(found) > limit else None
        return Page(tuple(found[:limit]), last)

    async def manager_file(self, email: str, by: Principal) -> ManagerFile:
        """Return all about a manager; raise `FORBIDDEN` and `NOT_FOUND`."""
        _check_overseer(by)
        now = self._clock()
        standing = await self._store.managers.standing(email, now)
        if standing is None:
            raise no_such_manager()
        return ManagerFile(
            standing,
            tuple(await self._store.managers.certificates(email, _MOST_CERTIFICATES)),
            tuple(await self._store.sessions.of_manager(email, now)),
        )

    async def edit_manager(self, unverified: Manager, by: Principal) -> Manager:
        """Give a manager another name, role or organisation, which counts from their next click on.

        Raises `NOT_FOUND`, `INVALID_FIELD`, `FORBIDDEN` for one's own role, and `CONFLICT` for the last administrator
        or if somebody else was faster.
        """
        check_administrator(by)
        earlier = await self._manager(unverified.email)
        manager = replace(checked_manager(unverified), email=earlier.email, disabled=earlier.disabled)
        await self._check_organisation(manager)
        if manager == earlier:
            return manager
        if (manager.role, manager.organisation) != (earlier.role, earlier.organisation):
            _check_other(by, earlier, N_("nobody changes their own role: ask a colleague"))
        event = self._manager_event("manager.changed", by, manager, **_differences(manager, earlier))
        if not await self._store.managers.edit(manager, earlier, event):
            raise await self._why_not(earlier)
        return manager

    async def disable_manager(self, email: str, by: Principal) -> None:
        """Keep a manager out: their sessions end at once, their links, passkeys and certificates do not work.

        Raises `NOT_FOUND`, `FORBIDDEN` for oneself, and `CONFLICT` for the last administrator.
        """
        check_administrator(by)
        manager = await self._manager(email)
        _check_other(by, manager, N_("nobody disables themself: ask a colleague"))
        if not await self._store.managers.disable(manager, self._manager_event("manager.disabled", by, manager)):
            raise await self._why_not(replace(manager, disabled=False))

    async def enable_manager(self, email: str, by: Principal) -> None:
        """Let a disabled manager sign in again; raise `NOT_FOUND` and `CONFLICT`."""
        check_administrator(by)
        manager = await self._manager(email)
        if not await self._store.managers.enable(email, self._manager_event("manager.enabled", by, manager)):
            raise CertdeskError(ErrorKind.CONFLICT, N_("this manager is not disabled"))

    async def issue_to_manager(self, email: str, once: bytes, by: Principal) -> ManagerIdentity:
        """Issue a user certificate to a manager, or renew it, for a key made here.

        `once` is a random value of the form that asks: one form makes one certificate. Raises `NOT_FOUND`,
        `FORBIDDEN` for oneself, and `CONFLICT` if the form was sent before or the manager is disabled.
        """
        private_key = ec.generate_private_key(ec.SECP256R1())
        return ManagerIdentity(private_key, await self.certify_manager(email, _csr_of(private_key), once, by))

    async def certify_manager(self, email: str, unverified_csr: bytes, once: bytes, by: Principal) -> Certificate:
        """Issue a user certificate to a manager for a key of their own; raise also the policy's errors."""
        check_administrator(by)
        manager = await self._enabled(email)
        _check_other(by, manager, N_("nobody issues a certificate to themself: ask a colleague"))
        return await self._enroll(manager, unverified_csr, once, by)

    async def issue_to_myself(self, session: Session, once: bytes) -> ManagerIdentity:
        """Issue a user certificate to whoever came by a one-time link, for a key made here."""
        private_key = ec.generate_private_key(ec.SECP256R1())
        return ManagerIdentity(private_key, await self.certify_myself(session, _csr_of(private_key), once))

    async def certify_myself(self, session: Session, unverified_csr: bytes, once: bytes) -> Certificate:
        """Issue a user certificate to whoever came by a one-time link, for a key of their own.

        Whoever made the link has vouched for them, and so decides; everybody else asks an administrator. Raises
        `FORBIDDEN` and the policy's errors.
        """
        voucher = await self.voucher_of(session)
        if voucher is None:
            raise CertdeskError(
                ErrorKind.FORBIDDEN, N_("a new certificate is issued by another administrator: ask a colleague")
            )
        return await self._enroll(await self._enabled(session.email), unverified_csr, once, voucher)

    async def voucher_of(self, session: Session) -> Principal | None:
        """Return who vouches for a session's manager by the link that opened it; None if nobody does, any more."""
        if session.method is not SignInMethod.LINK:
            return None
        name = await self._store.links.voucher(session.email, session.created_at)
        if name is None or name == session.email:
            return None
        if not name.startswith("operator:"):
            manager = await self._store.organisations.manager(name)
            if manager is None or manager.disabled or manager.role is not Role.ADMINISTRATOR:
                return None
        return Principal(name, Role.ADMINISTRATOR, source=_BY_LINK)

    async def my_certificates(self, session: Session) -> list[Certificate]:
        """Return the manager's own user certificates, newest first."""
        return await self._store.managers.certificates(session.email, _MOST_CERTIFICATES)

    async def my_sessions(self, session: Session) -> list[Session]:
        """Return the manager's own running sessions."""
        return await self._store.sessions.of_manager(session.email, self._clock())

    async def end_my_session(self, session: Session, token_sha256: bytes, source: str) -> None:
        """End one of the manager's own sessions; once is enough, twice does no harm."""
        await self.end_session(token_sha256, session.email, session.principal(source))

    async def end_my_other_sessions(self, session: Session, source: str) -> None:
        """End all of the manager's own sessions but this one."""
        await self._end_all(session.email, session.token_sha256, session.organisation, session.principal(source))

    async def end_manager_session(self, email: str, token_sha256: bytes, by: Principal) -> None:
        """End a session of a manager; raise `FORBIDDEN` and `NOT_FOUND`."""
        check_administrator(by)
        event = self._manager_event("session.closed", by, await self._manager(email))
        await self._store.sessions.close(token_sha256, email, event)

    async def end_manager_sessions(self, email: str, by: Principal) -> None:
        """End all sessions of a manager; raise `FORBIDDEN` and `NOT_FOUND`."""
        check_administrator(by)
        manager = await self._manager(email)
        await self._end_all(manager.email, b"", manager.organisation or OPERATOR, by)

    async def notice_of(self, session: Session) -> str:
        """Return when the manager wants to be told of requests, one of `NOTICES`."""
        return await self._store.managers.notify(session.email) or NOTICES[0]

    async def choose_notice(self, session: Session, notify: str, source: str) -> None:
        """Keep when the manager wants to be told of requests; raise `INVALID_FIELD`."""
        if notify not in NOTICES:
            raise CertdeskError(ErrorKind.INVALID_FIELD, N_("choose one of these"), field="notify")
        event = self._log.event(
            "manager.notices-chosen",
            session.principal(source),
            organisation=session.organisation,
            subject=session.email,
            notify=notify,
        )
        await self._store.managers.set_notify(session.email, notify, event)

    def new_password(self) -> str:
        """Return a password that can be read out: twenty characters without look-alikes, some 99 bits."""
        number, letters = int.from_bytes(self._randomness(32)), []
        for _ in range(_PASSWORD_GROUPS * _GROUP):
            number, letter = divmod(number, len(_PASSWORD_LETTERS))
            letters.append(_PASSWORD_LETTERS[letter])
        return "-".join("".join(letters[at : at + _GROUP]) for at in range(0, len(letters), _GROUP))

    def new_once(self) -> bytes:
        """Return a random value for a form that must not be carried out twice."""
        return self._randomness(32)

    async def _enroll(self, manager: Manager, unverified_csr: bytes, once: bytes, by: Principal) -> Certificate:
        """Enroll a manager like anyone else: a request, an approval, a certificate that succeeds the earlier one."""
        submission = Submission(
            organisation=manager.organisation or OPERATOR,
            kind=Kind.MANAGER,
            csr=unverified_csr,
            claim_sha256=sha256(once),
            email=manager.email,
            phone="",
            description="",
            state_or_province="",
            locality="",
            device=Device(id=f"manager:{manager.email}"[:_DEVICE_ID]),
            common_name=manager.name,
        )
        prepared_submission, csr = prepared(submission)
        arrival = Arrival(Actor(by.name, by.source), "console", await self._renewed(manager))
        request, is_new = await self._submit(prepared_submission, csr, arrival)
        if not is_new or request.state is not RequestState.REQUESTED:
            raise CertdeskError(ErrorKind.CONFLICT, N_("this form was sent already: reload the page"))
        enrollment = await self.approve(request.id, by)
        if enrollment.certificate is None:
            raise CertdeskError(ErrorKind.UNAVAILABLE, N_("the CA cannot sign right now: try again"))
        return enrollment.certificate

    async def _renewed(self, manager: Manager) -> bytes | None:
        """Return the serial number of the certificate that a new one succeeds."""
        for certificate in await self._store.managers.certificates(manager.email, 1):
            if certificate.status is CertificateStatus.VALID and certificate.not_after >= self._clock():
                return certificate.serial_number
        return None

    async def _enabled(self, email: str) -> Manager:
        manager = await self._manager(email)
        if manager.disabled:
            raise CertdeskError(ErrorKind.CONFLICT, N_("this manager is disabled: enable them first"))
        return manager

    async def _end_all(self, email: str, kept: bytes, organisation: str, by: Principal) -> None:
        event = self._log.event("session.all-closed", by, organisation=organisation, subject=email)
        await self._store.sessions.close_others(email, kept, event)

    async def _why_not(self, earlier: Manager) -> CertdeskError:
        """Say why a change to a manager did not hold."""
        if await self._manager(earlier.email) != earlier:
            return CertdeskError(ErrorKind.CONFLICT, N_("somebody has changed this manager meanwhile: look again"))
        return CertdeskError(
            ErrorKind.CONFLICT, N_("this is the last administrator: without one nobody could run the desk")
        )

    def _manager_event(self, action: str, by: Principal, manager: Manager, **facts: str) -> SealedEvent:
        return self._log.event(
            action, by, organisation=manager.organisation or OPERATOR, subject=manager.email, **facts
        )


def _csr_of(private_key: ec.EllipticCurvePrivateKey) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(private_key, hashes.SHA256()).public_bytes(Encoding.DER)


def _differences(manager: Manager, earlier: Manager) -> dict[str, str]:
    """Return what has changed, for the audit log."""
    pairs = {
        "name": (manager.name, earlier.name),
        "role": (manager.role.value, earlier.role.value),
        "organisation": (manager.organisation, earlier.organisation),
    }
    changed = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    return {f"new_{name}": now for name, (now, _) in changed.items()} | {
        f"earlier_{name}": was for name, (_, was) in changed.items()
    }


def is_usable(certificate: Certificate, now: int) -> bool:
    """Tell whether a manager can sign in with a certificate."""
    return certificate.status is not CertificateStatus.REVOKED and now <= certificate.not_after


def _check_overseer(by: Principal) -> None:
    """Raise `FORBIDDEN` unless the caller may look at what the operator administers."""
    if by.organisation or by.role is Role.REGISTRATION_MANAGER:
        raise CertdeskError(ErrorKind.FORBIDDEN, N_("only an administrator may do this"))


def _check_other(by: Principal, manager: Manager, message: str) -> None:
    """Raise `FORBIDDEN` if somebody would do this to themself."""
    if by.name.casefold() == manager.email.casefold():
        raise CertdeskError(ErrorKind.FORBIDDEN, message)
