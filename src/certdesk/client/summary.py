"""An enrollment in words for people, and as a document for scripts."""

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from certdesk.client.desk import printable
from certdesk.client.records import Enrollment, Issued
from certdesk.domain.identifiers import sha256, verification_code
from certdesk.domain.text import N_
from certdesk.wire.spki import spki_of


def serial_number(certificate: x509.Certificate) -> str:
    """Return the serial number as the API writes it: whole bytes, hexadecimal, lower case."""
    number = certificate.serial_number
    return number.to_bytes((number.bit_length() + 7) // 8 or 1).hex()


def document(enrollment: Enrollment) -> dict[str, object]:
    """Return what `--json` prints; the keys are always all there."""
    requested, issued = enrollment.requested, enrollment.issued
    return {
        "name": enrollment.name,
        "kind": enrollment.form.kind.value,
        "organisation": enrollment.organisation,
        "device_id": enrollment.form.device_id,
        "status": enrollment.status,
        "request_id": requested.id if requested else issued.id if issued else None,
        "verification_code": _verification_code(enrollment),
        "reason": requested.reason if requested else "",
        "lapses_at": requested.lapses_at if requested else "",
        "superseded_by": requested.superseded_by if requested else "",
        "certificate": _certificate(issued) if issued else None,
    }


def rows(enrollment: Enrollment) -> list[tuple[str, str]]:
    """Return the same as labelled lines; the labels are message ids."""
    facts = document(enrollment)
    certificate = facts["certificate"] if isinstance(facts["certificate"], dict) else {}
    pending = enrollment.requested
    return [
        (N_("enrollment"), f"{enrollment.name} ({enrollment.organisation}, {enrollment.form.kind})"),
        (N_("status"), enrollment.status),
        (N_("request ID"), str(facts["request_id"] or "")),
        (N_("verification code"), str(facts["verification_code"] or "") if pending else ""),
        (N_("reason"), str(facts["reason"])),
        (N_("superseded by"), str(facts["superseded_by"])),
        (N_("lapses"), str(facts["lapses_at"]) if enrollment.status == "requested" else ""),
        (N_("subject"), certificate.get("subject", "")),
        (N_("issuer"), certificate.get("issuer", "")),
        (N_("serial number"), certificate.get("serial_number", "")),
        (N_("valid from"), certificate.get("not_before", "")),
        (N_("valid until"), certificate.get("not_after", "")),
        (N_("names"), ", ".join(certificate.get("names", ()))),
        (N_("SHA-256"), certificate.get("fingerprint_sha256", "")),
        (N_("installed"), certificate.get("installed_at", "")),
    ]


def _verification_code(enrollment: Enrollment) -> str | None:
    if enrollment.requested:
        return enrollment.requested.verification_code
    if enrollment.issued is None:
        return None
    key = x509.load_pem_x509_certificate(enrollment.issued.certificate.encode()).public_key()
    return verification_code(sha256(spki_of(key)))


def _certificate(issued: Issued) -> dict[str, object]:
    certificate = x509.load_pem_x509_certificate(issued.certificate.encode())
    return {
        "serial_number": serial_number(certificate),
        "subject": printable(certificate.subject.rfc4514_string()),
        "issuer": printable(certificate.issuer.rfc4514_string()),
        "names": names(certificate),
        "not_before": _written(certificate.not_valid_before_utc),
        "not_after": _written(certificate.not_valid_after_utc),
        "fingerprint_sha256": certificate.fingerprint(SHA256()).hex(),
        "pem": issued.certificate,
        "chain": issued.chain,
        "installed_at": _written(_moment(issued.installed_at)) if issued.installed_at else "",
    }


def names(certificate: x509.Certificate) -> list[str]:
    """Return the subject alternative names, e-mail addresses included."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [printable(str(name.value)) for name in found]


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _written(moment: datetime) -> str:
    """Return the time in RFC 3339, UTC, whole seconds."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
