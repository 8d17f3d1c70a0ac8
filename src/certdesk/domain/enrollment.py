"""The records of an enrollment: the organisation, the request, the certificate, and who acts.

Times are integers, milliseconds since 1970-01-01T00:00:00Z. Digests and serial numbers are bytes.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from certdesk.domain.states import CertificateStatus, RequestState, RevocationReason

DAY = 86_400_000
"""A day in milliseconds."""


class Kind(StrEnum):
    """What a certificate is for; it decides the profile and who may decide."""

    MOBILE = "mobile"
    WORKSTATION = "workstation"
    SERVER = "server"
    MANAGER = "manager"


class Role(StrEnum):
    """What a caller may do (design: people and roles)."""

    REGISTRATION_MANAGER = "registration-manager"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


class KeyType(StrEnum):
    """The key that devices of an organisation are told to make (settings.xml)."""

    EC_P256 = "EC P-256"
    RSA_2048 = "RSA 2048"
    RSA_3072 = "RSA 3072"
    RSA_4096 = "RSA 4096"
    ED25519 = "Ed25519"


class DoorRule(StrEnum):
    """What an organisation settles for devices that come by a standard protocol instead of the desk's own."""

    APPROVE_VOUCHED = "approve-vouched"
    """A request with an enrollment code is approved at once, in the name of the manager who issued the code."""
    REQUIRE_CODE = "require-code"
    """Unknown devices need an enrollment code; without this rule they may ask, and wait for a manager."""
    NEW_KEYS = "new-keys"
    """A renewal needs a new key; without this rule it may keep the old one."""
    LEGACY_SCEP = "legacy-scep"
    """SCEP messages may use Triple DES and SHA-1, for devices that know nothing better."""


PROTOCOL_DOORS = frozenset({"est", "scep"})
"""Doors whose protocols carry no contact, location or description: a device says who it is by its subject."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """A member of the federation, with what it allows."""

    code: str
    name: str
    country: str
    """ISO 3166-1 alpha-2."""
    kinds: frozenset[Kind] = frozenset({Kind.MOBILE, Kind.WORKSTATION, Kind.SERVER})
    allow_wildcards: bool = False
    key_type: KeyType = KeyType.EC_P256
    validity_days: int = 365
    request_lifetime_days: int = 30
    poll_seconds: int = 60
    support_contact: str = ""
    """Whom requesters may ask; published in settings.xml."""
    door_rules: frozenset[DoorRule] = frozenset()
    contact_name: str = ""
    """Whom the operator turns to; not published."""
    contact_email: str = ""
    contact_phone: str = ""
    allowed_names: tuple[str, ...] = ()
    """DNS suffixes that servers' names must have; any if there are none."""
    state_or_province: str = ""
    """Proposed to requesters in settings.xml, as is the locality."""
    locality: str = ""


@dataclass(frozen=True, slots=True)
class Conditions:
    """How safe a device says that it is; None for what it does not know or did not look at."""

    screen_lock: bool | None = None
    """Whether it asks for a pattern, PIN or password before it is used."""
    rooted: bool | None = None
    """Whether it found signs that its system was tampered with."""


@dataclass(frozen=True, slots=True)
class Device:
    """What a device says of itself: reported, never proven."""

    id: str
    model: str = ""
    platform: str = ""
    app: str = ""
    conditions: Conditions | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """Subject alternative names of a server."""

    dns: tuple[str, ...] = ()
    ip: tuple[str, ...] = ()
    """Textual IPv4 and IPv6 addresses, compressed."""

    def __bool__(self) -> bool:
        return bool(self.dns or self.ip)


@dataclass(frozen=True, slots=True)
class Submission:
    """What a requester asks for, decoded and not yet judged."""

    organisation: str
    kind: Kind
    csr: bytes
    """DER PKCS#10."""
    claim_sha256: bytes
    email: str
    phone: str
    description: str
    state_or_province: str
    locality: str
    device: Device
    names: Names = Names()
    """Names asked for beside those in the CSR; servers only."""
    common_name: str = ""
    """A person's name; managers only."""


@dataclass(frozen=True, slots=True)
class CertificationRequest:
    """The desk's record of a request."""

    id: str
    submission: Submission
    spki_sha256: bytes
    state: RequestState
    created_at: int
    lapses_at: int
    door: str = "api"
    source: str = ""
    """The address it came from."""
    decided_at: int | None = None
    decided_by: str = ""
    comment: str = ""
    """The approver's, for colleagues."""
    reason: str = ""
    """The rejecter's, shown to the requester word for word."""
    supersedes: str = ""
    superseded_by: str = ""
    renews: bytes | None = None
    """Serial number of the certificate that this request renews."""
    attempt: int = 0
    """How many times issuance was begun; a compare-and-set token."""
    serial_number: bytes | None = None
    installed_at: int | None = None
    code_id: str = ""
    """The enrollment code that came with it."""
    vouched_by: str = ""
    """The manager who issued that code."""

    @property
    def is_by_form(self) -> bool:
        """Tell whether somebody filled in a form for it, so that nothing of the form may be missing."""
        return self.door not in PROTOCOL_DOORS and self.renews is None

    def is_legacy(self, organisation: Organisation) -> bool:
        """Tell whether its CSR may be signed with SHA-1, as by the SCEP devices that an organisation puts up with."""
        return self.door == "scep" and DoorRule.LEGACY_SCEP in organisation.door_rules


@dataclass(frozen=True, slots=True)
class Certificate:
    """The desk's record of a certificate that it issued."""

    serial_number: bytes
    request_id: str
    organisation: str
    kind: Kind
    status: CertificateStatus
    subject: str
    """RFC 4514."""
    email: str
    device_id: str
    not_before: int
    not_after: int
    der: bytes
    fingerprint: bytes
    """SHA-256 of the DER."""
    spki_sha256: bytes
    issuer: str
    """The issuing authority's key identifier, hexadecimal."""
    revoked_at: int | None = None
    revocation_reason: RevocationReason | None = None
    revoked_by: str = ""
    revocation_comment: str = ""
    superseded_by: bytes | None = None


@dataclass(frozen=True, slots=True)
class Manager:
    """A registration manager, administrator or auditor."""

    email: str
    name: str
    role: Role
    organisation: str
    """The organisation it is limited to; empty for the whole federation."""
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: a manager or an automation, authenticated; or the operator at the command line."""

    name: str
    """E-mail of a manager, `token:NAME` of an automation, `operator:USER` at the command line."""
    role: Role
    organisation: str = ""
    """Its scope; empty for the whole federation."""
    source: str = ""

    def sees(self, organisation: str) -> bool:
        """Tell whether an organisation is within the scope."""
        return not self.organisation or self.organisation == organisation

    def decides(self, kind: Kind) -> bool:
        """Tell whether requests of a kind are this role's to decide."""
        if self.role is Role.ADMINISTRATOR:
            return True
        return self.role is Role.REGISTRATION_MANAGER and kind in {Kind.MOBILE, Kind.WORKSTATION}


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the audit log: who did what to what, when, from where and why."""

    id: str
    """UUID version 7 (RFC 9562 §5.7); its text sorts by time."""
    at: int
    action: str
    actor: str
    source: str
    organisation: str
    subject: str
    """A request ID, a serial number in hexadecimal, an organisation's code, an e-mail."""
    facts: dict[str, str] = field(default_factory=dict)
