"""From the domain's records to the shapes that the API answers with."""

import binascii
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from msgspec import UNSET, UnsetType

from certdesk.domain.codes import EnrollmentCode
from certdesk.domain.enrollment import Certificate, CertificationRequest, Conditions, Submission
from certdesk.domain.identifiers import verification_code
from certdesk.doors.api import shapes

Value = TypeVar("Value")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BASE64_LINE = 64  # RFC 7468 §2


def time_of(milliseconds: int) -> datetime:
    """Return a moment given in milliseconds since 1970-01-01T00:00:00Z."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def pem_of(der: bytes) -> str:
    """Return a certificate in PEM (RFC 7468 §5)."""
    text = binascii.b2a_base64(der, newline=False).decode()
    lines = "\n".join([text[start : start + _BASE64_LINE] for start in range(0, len(text), _BASE64_LINE)])
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"


def _if_any(value: Value | None) -> Value | UnsetType:
    """Return a value, or leave the field out if there is nothing to say."""
    return value or UNSET


def _time_if_any(milliseconds: int | None) -> datetime | UnsetType:
    return UNSET if milliseconds is None else time_of(milliseconds)


def requester_view(
    request: CertificationRequest, certificate: Certificate | None = None, chain_pem: str = ""
) -> shapes.RequestView:
    """Return what the requester sees of a request: not who decided, nor what colleagues say to each other."""
    return _request_view(request, certificate, chain_pem, for_managers=False)


def manager_view(
    request: CertificationRequest, certificate: Certificate | None = None, chain_pem: str = ""
) -> shapes.RequestView:
    """Return what managers, administrators and auditors see of a request."""
    return _request_view(request, certificate, chain_pem, for_managers=True)


def _request_view(
    request: CertificationRequest, certificate: Certificate | None, chain_pem: str, *, for_managers: bool
) -> shapes.RequestView:
    asked = request.submission
    return shapes.RequestView(
        id=request.id,
        status=request.state,
        organisation=asked.organisation,
        kind=asked.kind,
        verification_code=verification_code(request.spki_sha256),
        created_at=time_of(request.created_at),
        lapses_at=time_of(request.lapses_at),
        description=asked.description,
        contact=shapes.ContactView(email=asked.email, phone=asked.phone),
        location=shapes.LocationView(state_or_province=asked.state_or_province, locality=asked.locality),
        device=_device_view(asked),
        names=shapes.NamesView(dns=asked.names.dns, ip=asked.names.ip),
        door=request.door,
        vouched_by=_if_any(request.vouched_by) if for_managers else UNSET,
        common_name=_if_any(asked.common_name),
        decided_at=_time_if_any(request.decided_at),
        decided_by=_if_any(request.decided_by) if for_managers else UNSET,
        comment=_if_any(request.comment) if for_managers else UNSET,
        reason=_if_any(request.reason),
        supersedes=_if_any(request.supersedes),
        superseded_by=_if_any(request.superseded_by),
        renews=request.renews.hex() if request.renews else UNSET,
        installed_at=_time_if_any(request.installed_at),
        certificate=_issued_certificate(certificate) if certificate else UNSET,
        chain=chain_pem if certificate else UNSET,
    )


def _device_view(asked: Submission) -> shapes.DeviceView:
    device, found = asked.device, asked.device.conditions
    return shapes.DeviceView(
        id=device.id,
        model=device.model,
        platform=device.platform,
        app=device.app,
        conditions=_conditions_view(found) if found else UNSET,
    )


def _conditions_view(found: Conditions) -> shapes.ConditionsView:
    return shapes.ConditionsView(
        screen_lock=UNSET if found.screen_lock is None else found.screen_lock,
        rooted=UNSET if found.rooted is None else found.rooted,
    )


def _issued_certificate(certificate: Certificate) -> shapes.IssuedCertificate:
    return shapes.IssuedCertificate(
        serial_number=certificate.serial_number.hex(),
        subject=certificate.subject,
        not_before=time_of(certificate.not_before),
        not_after=time_of(certificate.not_after),
        fingerprint_sha256=certificate.fingerprint.hex(),
        pem=pem_of(certificate.der),
    )


def code_view(code: EnrollmentCode) -> shapes.CodeView:
    """Return what managers see of an enrollment code."""
    return shapes.CodeView(**_code_facts(code))


def new_code_view(code: EnrollmentCode, secret: str) -> shapes.NewCodeView:
    """Return the same with the code itself, which only its issuer sees, once."""
    return shapes.NewCodeView(**_code_facts(code), code=secret)


def _code_facts(code: EnrollmentCode) -> dict[str, Any]:
    return {
        "id": code.id,
        "organisation": code.organisation,
        "kind": code.kind,
        "count": code.allowed,
        "used": code.used,
        "note": code.note,
        "created_at": time_of(code.created_at),
        "created_by": code.created_by,
        "expires_at": time_of(code.expires_at),
        "withdrawn_at": _time_if_any(code.withdrawn_at),
        "withdrawn_by": _if_any(code.withdrawn_by),
    }


def certificate_view(certificate: Certificate) -> shapes.CertificateView:
    """Return what managers, administrators and auditors see of a certificate."""
    return shapes.CertificateView(
        serial_number=certificate.serial_number.hex(),
        subject=certificate.subject,
        not_before=time_of(certificate.not_before),
        not_after=time_of(certificate.not_after),
        fingerprint_sha256=certificate.fingerprint.hex(),
        pem=pem_of(certificate.der),
        request_id=certificate.request_id,
        organisation=certificate.organisation,
        kind=certificate.kind,
        status=certificate.status,
        email=certificate.email,
        device_id=certificate.device_id,
        revoked_at=_time_if_any(certificate.revoked_at),
        revocation_reason=_if_any(certificate.revocation_reason),
        revoked_by=_if_any(certificate.revoked_by),
        revocation_comment=_if_any(certificate.revocation_comment),
        superseded_by=certificate.superseded_by.hex() if certificate.superseded_by else UNSET,
    )
