"""`certdesk-client request`: ask for a certificate, correct what was asked for, or go on where a run was cut off."""

from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certdesk.client import summary
from certdesk.client.enrollment import Workflow, new_claim
from certdesk.client.failures import DONE, ClientError, exit_code_of
from certdesk.client.home import check_name
from certdesk.client.keystore import new_csr, new_key
from certdesk.client.questions import Given, check_names, complete, enrollment_name, normalised
from certdesk.client.records import Enrollment, Form, Order
from certdesk.client.session import Session, read_file
from certdesk.domain.enrollment import Kind, Names
from certdesk.domain.errors import ErrorKind
from certdesk.domain.states import PENDING, RequestState
from certdesk.domain.text import N_
from certdesk.wire.pkcs10 import CSR, LARGEST_CSR, parse_csr


@dataclass(frozen=True, slots=True)
class Options:
    """How to request, beside what."""

    name: str | None = None
    csr_file: str | None = None
    password_file: str | None = None
    new: bool = False


def request(session: Session, unverified_given: Given, options: Options) -> int:
    """Make a key and ask for its certificate; an unfinished request is continued, a changed one corrected."""
    given = normalised(unverified_given)
    csr = _foreign_csr(options.csr_file)
    name, before = _enrollment(session, given, csr, options)
    with session.workflow() as workflow, session.home.locked(name):
        known = session.home.find(name)
        enrollment = _continued(session, workflow, known, given, csr) if known and not options.new else None
        if enrollment is None:
            form = _form(session, given, before, known)
            order = _order(session, form, csr, options.password_file)
            blank = Enrollment(name, session.settings().organisation, form)
            enrollment = workflow.prepare(known or blank, form, order)
        enrollment = workflow.submit(enrollment)
    return _shown(session, enrollment)


def _foreign_csr(file: str | None) -> CSR | None:
    """Return the CSR of a server whose key lives elsewhere."""
    if file is None:
        return None
    csr = parse_csr(read_file(file, LARGEST_CSR))
    csr.verify()
    return csr


def _enrollment(session: Session, given: Given, csr: CSR | None, options: Options) -> tuple[str, Form]:
    """Return the enrollment's name and what its form is filled in with so far."""
    named = check_name(options.name) if options.name else None
    known = session.home.find(named) if named else None
    kind = given.kind or (known.form.kind if known else Kind.WORKSTATION)
    names = _names(given, csr) or (_names_before(known) if known else ())
    check_names(kind, names, foreign_csr=csr is not None)
    name = named or enrollment_name(kind, names)
    known = known or session.home.find(check_name(name))
    before = known.form if known else Form(kind, device_id=names[0] if names else "")
    if before.kind is not kind:
        raise ClientError(
            ErrorKind.INVALID_FIELD,
            N_("the enrollment {name} is for a {purpose}"),
            hint=N_("choose another name with --name"),
            field="enrollment",
            name=name,
            purpose=before.kind,
        )
    return name, before


def _names(given: Given, csr: CSR | None) -> tuple[str, ...]:
    in_csr = csr.names if csr else Names()
    return (*given.dns, *in_csr.dns, *given.ip, *in_csr.ip)


def _names_before(known: Enrollment) -> tuple[str, ...]:
    """Return the names of the last time, or the device ID that stands for those of a CSR."""
    return known.form.dns + known.form.ip or ((known.form.device_id,) if known.form.kind is Kind.SERVER else ())


def _continued(
    session: Session, workflow: Workflow, known: Enrollment, given: Given, csr: CSR | None
) -> Enrollment | None:
    """Return the enrollment when what is known of it answers the request; None when a new order is to be made."""
    changed = given.differs_from(known.form) or (csr is not None and not _is_order_of(csr, known))
    if known.prepared:
        return None if changed else known
    if known.requested and known.requested.status in {*PENDING, RequestState.ISSUED}:
        known, _ = workflow.look(known)
        return None if changed and known.status in PENDING else known
    if known.issued and _is_valid(session, known.issued.certificate):
        raise ClientError(
            ErrorKind.CONFLICT,
            N_("the enrollment {name} has a certificate already"),
            hint=N_("certdesk-client renew replaces it; request --new asks for another, --name for one beside it"),
            name=known.name,
        )
    return None


def _is_order_of(csr: CSR, known: Enrollment) -> bool:
    if order := known.prepared or (known.requested.order if known.requested else None):
        return parse_csr(order.csr).der == csr.der
    return False


def _is_valid(session: Session, certificate: str) -> bool:
    now = datetime.fromtimestamp(session.clock() / 1000, UTC)
    return now < x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc


def _form(session: Session, given: Given, before: Form, known: Enrollment | None) -> Form:
    """Return the filled-in form, asking on a terminal: for everything, unless single corrections were given."""
    everything = known is None or not given.differs_from(before)
    ask = session.ask if session.interactive else None
    return complete(given, before, session.settings(), ask, everything=everything)


def _order(session: Session, form: Form, csr: CSR | None, password_file: str | None) -> Order:
    if csr:
        return Order(x509.load_der_x509_csr(csr.der).public_bytes(Encoding.PEM).decode(), new_claim())
    password = session.password(password_file, new=True)
    key_type = session.settings().key_type
    with session.screen.waiting(N_("making a key ({key_type})"), key_type=key_type):
        key = new_key(key_type)
        stored = session.encrypted(key, password)
    pem = new_csr(key, Names(form.dns, form.ip)).public_bytes(Encoding.PEM).decode()
    return Order(pem, new_claim(), stored)


def _shown(session: Session, enrollment: Enrollment) -> int:
    session.screen.result(summary.document(enrollment), summary.rows(enrollment))
    if enrollment.status not in PENDING:
        return exit_code_of(enrollment.status)
    session.screen.note(
        N_("tell your registration manager the request ID {id}; the verification code must be the same on both sides"),
        id=enrollment.requested.id if enrollment.requested else "",
    )
    session.screen.note(N_("next: certdesk-client status --wait"))
    return DONE
