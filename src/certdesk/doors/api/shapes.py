"""The JSON bodies of the API: what callers send (unknown fields are refused) and what the desk answers."""

from msgspec import UNSET, Struct, UnsetType, field

from certdesk.domain.enrollment import Kind
from certdesk.domain.states import CertificateStatus, RequestState, RevocationReason
from certdesk.doors.api import fields


class Sent(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a caller sends."""


class Contact(Sent):
    """How the registration manager reaches the requester."""

    email: fields.Email
    phone: fields.Phone


class Location(Sent):
    """Where the device is; it becomes a part of the certificate's subject."""

    state_or_province: fields.StateOrProvince
    locality: fields.Locality


class Conditions(Sent):
    """How safe the device found itself; it leaves out what it does not know."""

    screen_lock: fields.ScreenLock | UnsetType = UNSET
    rooted: fields.Rooted | UnsetType = UNSET


class Device(Sent):
    """What the device says of itself."""

    id: fields.DeviceID
    model: fields.DeviceText = ""
    platform: fields.DeviceText = ""
    app: fields.DeviceText = ""
    conditions: Conditions | UnsetType = UNSET


class ServerNames(Sent):
    """Names that the server's certificate shall carry, beside those in the CSR."""

    dns: tuple[fields.DNSName, ...] = ()
    ip: tuple[fields.IPAddress, ...] = ()


class Submission(Sent, tag_field="kind"):
    """What every kind of request has."""

    organisation: fields.OrganisationCode
    csr: fields.CSR
    claim: fields.Claim
    contact: Contact
    location: Location
    description: fields.Description
    device: Device


class MobileSubmission(Submission, tag=Kind.MOBILE.value):
    """A request by a phone, tablet or handheld scanner."""


class WorkstationSubmission(Submission, tag=Kind.WORKSTATION.value):
    """A request by a workstation."""


class ServerSubmission(Submission, tag=Kind.SERVER.value):
    """A request for a server, by itself or by another one."""

    names: ServerNames = field(default_factory=ServerNames)


class ManagerContact(Sent):
    """How to reach a manager; the e-mail address becomes a part of the certificate."""

    email: fields.Email
    phone: fields.OptionalPhone = ""


class ManagerSubmission(Sent, tag_field="kind", tag=Kind.MANAGER.value):
    """A request for a manager's user certificate."""

    organisation: fields.OrganisationCode
    csr: fields.CSR
    claim: fields.Claim
    common_name: fields.CommonName
    contact: ManagerContact
    device: Device
    description: fields.OptionalDescription = ""


AnySubmission = MobileSubmission | WorkstationSubmission | ServerSubmission | ManagerSubmission


class Approval(Sent):
    """A manager's approval."""

    comment: fields.Comment = ""


class Rejection(Sent):
    """A manager's rejection."""

    reason: fields.Reason


class Revocation(Sent):
    """A manager's revocation of a certificate."""

    reason: RevocationReason
    comment: fields.Comment = ""


class Renewal(Sent):
    """A new CSR for the holder of a certificate, and its proof."""

    csr: fields.CSR
    claim: fields.Claim
    proof: fields.Proof = ""


class CodeOrder(Sent):
    """A manager's order for an enrollment code."""

    organisation: fields.OrganisationCode
    kind: fields.CodeKind
    count: fields.CodeCount = 1
    days: fields.CodeDays = 7
    note: fields.CodeNote = ""


class Told(Struct, kw_only=True):
    """What the desk answers."""


class ContactView(Told):
    """How to reach the requester."""

    email: str
    phone: str


class LocationView(Told):
    """Where the device is."""

    state_or_province: str
    locality: str


class ConditionsView(Told):
    """How safe the device found itself: reported, not proven."""

    screen_lock: fields.ScreenLock | UnsetType = UNSET
    rooted: fields.Rooted | UnsetType = UNSET


class DeviceView(Told):
    """What the device said of itself."""

    id: str
    model: str
    platform: str
    app: str
    conditions: ConditionsView | UnsetType = UNSET


class NamesView(Told):
    """The names that were asked for."""

    dns: tuple[str, ...]
    ip: tuple[str, ...]


class IssuedCertificate(Told):
    """A certificate as its holder needs it."""

    serial_number: fields.SerialNumber
    subject: str
    """RFC 4514."""
    not_before: fields.Time
    not_after: fields.Time
    fingerprint_sha256: fields.Fingerprint
    pem: fields.PEM


class RequestView(Told):
    """A certification request."""

    id: fields.RequestID
    status: RequestState
    organisation: fields.OrganisationCode
    kind: Kind
    verification_code: fields.VerificationCode
    created_at: fields.Time
    lapses_at: fields.Time
    description: str
    contact: ContactView
    location: LocationView
    device: DeviceView
    names: NamesView
    door: str
    vouched_by: str | UnsetType = UNSET
    """Who issued the enrollment code that it came with; managers only."""
    common_name: str | UnsetType = UNSET
    decided_at: fields.Time | UnsetType = UNSET
    decided_by: str | UnsetType = UNSET
    comment: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    supersedes: fields.RequestID | UnsetType = UNSET
    superseded_by: fields.RequestID | UnsetType = UNSET
    renews: fields.SerialNumber | UnsetType = UNSET
    installed_at: fields.Time | UnsetType = UNSET
    certificate: IssuedCertificate | UnsetType = UNSET
    chain: fields.PEM | UnsetType = UNSET


class CertificateView(IssuedCertificate):
    """A certificate as managers see it."""

    request_id: fields.RequestID
    organisation: fields.OrganisationCode
    kind: Kind
    status: CertificateStatus
    email: str
    device_id: str
    revoked_at: fields.Time | UnsetType = UNSET
    revocation_reason: RevocationReason | UnsetType = UNSET
    revoked_by: str | UnsetType = UNSET
    revocation_comment: str | UnsetType = UNSET
    superseded_by: fields.SerialNumber | UnsetType = UNSET


class RequestPage(Told):
    """One page of requests, newest first, or in the order of what was searched for."""

    items: tuple[RequestView, ...]
    next: str | None
    """The cursor of the next page, for `after`; null on the last."""


class CertificatePage(Told):
    """One page of certificates, those that are valid longest first."""

    items: tuple[CertificateView, ...]
    next: str | None


class CodeView(Told):
    """An enrollment code's record."""

    id: fields.CodeID
    organisation: fields.OrganisationCode
    kind: Kind
    count: int
    """How many devices it is for."""
    used: int
    note: str
    created_at: fields.Time
    created_by: str
    expires_at: fields.Time
    withdrawn_at: fields.Time | UnsetType = UNSET
    withdrawn_by: str | UnsetType = UNSET


class NewCodeView(CodeView, kw_only=True):
    """An enrollment code that was just issued."""

    code: fields.Code


class CodePage(Told):
    """One page of enrollment codes, newest first."""

    items: tuple[CodeView, ...]
    next: str | None


class Liveness(Told):
    """The server process answers."""

    alive: bool


class Readiness(Told):
    """Whether the desk can work, and what of it."""

    ready: bool
    parts: dict[str, bool]
