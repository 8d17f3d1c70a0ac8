"""`certdesk-client renew`: a new key and certificate, vouched for by the old key instead of a person."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certdesk.client import summary
from certdesk.client.enrollment import new_claim
from certdesk.client.failures import ClientError, exit_code_of
from certdesk.client.keystore import decrypt_key, new_csr, new_key
from certdesk.client.records import Enrollment, Issued, Order
from certdesk.client.session import Session
from certdesk.domain.enrollment import Kind, Names
from certdesk.domain.errors import ErrorKind
from certdesk.domain.states import PENDING, RequestState
from certdesk.domain.text import N_
from certdesk.wire.renewal import sign_renewal


def renew(session: Session, name: str | None, password_file: str | None, within_days: int | None) -> int:
    """Renew the certificate, or finish a renewal that was cut off; with `within_days`, only when it expires so soon."""
    found = session.name(name)
    session.home.load(found)
    with session.workflow() as workflow, session.home.locked(found):
        enrollment = session.home.load(found)
        if not _is_under_way(enrollment):
            issued = _renewable(enrollment)
            certificate = x509.load_pem_x509_certificate(issued.certificate.encode())
            if within_days is None or _expires_within(session, certificate, within_days):
                order = _order(session, enrollment, issued, certificate, password_file)
                enrollment = workflow.prepare(enrollment, enrollment.form, order)
            else:
                session.screen.note(N_("not due: the certificate is valid for more than {days} days"), days=within_days)
        enrollment, _ = workflow.look(workflow.submit(enrollment), collect=True)
    session.screen.result(summary.document(enrollment), summary.rows(enrollment))
    if enrollment.issued and not enrollment.issued.installed_at:
        session.screen.note(N_("next: certdesk-client install, or certdesk-client export"))
    return exit_code_of(enrollment.status)


def _is_under_way(enrollment: Enrollment) -> bool:
    requested = enrollment.requested
    return bool(enrollment.prepared or (requested and requested.status in {*PENDING, RequestState.ISSUED}))


def _renewable(enrollment: Enrollment) -> Issued:
    if enrollment.issued is None:
        raise ClientError(
            ErrorKind.CONFLICT,
            N_("the enrollment {name} has no certificate that could be renewed"),
            hint=N_("certdesk-client request"),
            name=enrollment.name,
        )
    if not enrollment.issued.key:
        raise ClientError(
            ErrorKind.CONFLICT,
            N_("the key of this certificate lives elsewhere, so it cannot be renewed from here"),
            hint=N_("make a new CSR there, and certdesk-client request --new --csr FILE --name {name}"),
            name=enrollment.name,
        )
    return enrollment.issued


def _expires_within(session: Session, certificate: x509.Certificate, days: int) -> bool:
    now = datetime.fromtimestamp(session.clock() / 1000, UTC)
    return certificate.not_valid_after_utc - now <= timedelta(days=days)


def _order(
    session: Session, enrollment: Enrollment, issued: Issued, certificate: x509.Certificate, password_file: str | None
) -> Order:
    """Return a new key under the same password, and the old key's word for it."""
    password = session.password(password_file)
    old_key = decrypt_key(issued.key, password)
    key_type = session.settings().key_type
    with session.screen.waiting(N_("making a key ({key_type})"), key_type=key_type):
        key = new_key(key_type)
        stored = session.encrypted(key, password)
    csr = new_csr(key, _names(certificate) if enrollment.form.kind is Kind.SERVER else Names())
    proof = base64.b64encode(sign_renewal(old_key, csr.public_bytes(Encoding.DER))).decode()
    order = Order(csr.public_bytes(Encoding.PEM).decode(), new_claim(), stored)
    return replace(order, renews=summary.serial_number(certificate), proof=proof)


def _names(certificate: x509.Certificate) -> Names:
    """Return a server's names, which stay the same: only what was approved can be renewed."""
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = found.get_values_for_type(x509.IPAddress)
    return Names(tuple(found.get_values_for_type(x509.DNSName)), tuple(map(str, addresses)))
