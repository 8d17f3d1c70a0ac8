"""`certdesk-client export` and `install`: bring the certificate to where it is used."""

from dataclasses import dataclass
from pathlib import Path

import click

from certdesk.client import summary
from certdesk.client.commands.follow import reported
from certdesk.client.failures import DONE, FAILED, ClientError
from certdesk.client.install.places import Place, Wanted, places_for
from certdesk.client.portable import Credential, credential
from certdesk.client.records import Enrollment, Issued
from certdesk.client.session import Session
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.files import write_atomically

_FORMS = {".p12": "pkcs12", ".pfx": "pkcs12", ".pem": "pem", ".crt": "pem"}


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What to write where."""

    out: str
    form: str | None = None
    legacy: bool = False
    plain_key: bool = False
    force: bool = False


def export(session: Session, name: str | None, password_file: str | None, options: ExportOptions) -> int:
    """Write the certificate and its key into one file that other programs read."""
    form = _form(options)
    target = None if options.out == "-" else Path(options.out).expanduser().absolute()
    if target and target.exists() and not options.force:
        raise ClientError(
            ErrorKind.INVALID_FIELD,
            N_("{path} exists already"),
            hint=N_("choose another file, or replace it with --force"),
            path=target,
        )
    enrollment, issued = _certified(session, session.name(name))
    opens_key = form == "pkcs12" or options.plain_key
    password = _password(session, issued, password_file) if opens_key else None
    octets = _exported(credential(issued, session.settings().trust_anchors, password), options, password)
    if target is None:
        click.echo(octets, nl=False)
        return DONE
    write_atomically(target, octets)
    facts = summary.document(enrollment) | {"file": str(target), "form": form}
    session.screen.result(facts, [(N_("written to"), str(target)), *summary.rows(enrollment)])
    return DONE


def _form(options: ExportOptions) -> str:
    form = options.form or _FORMS.get(Path(options.out).suffix.lower())
    if form is None:
        raise ClientError(
            ErrorKind.INVALID_FIELD,
            N_("the form cannot be told from the name {file}"),
            hint=N_("add --format pkcs12 or --format pem"),
            file=options.out,
        )
    if (options.legacy and form == "pem") or (options.plain_key and form == "pkcs12"):
        raise ClientError(ErrorKind.INVALID_FIELD, N_("--legacy is for PKCS#12 and --plain-key for PEM"))
    return form


def _exported(opened: Credential, options: ExportOptions, password: str | None) -> bytes:
    if password is not None and not options.plain_key:
        return opened.pkcs12(password, legacy=options.legacy)
    return opened.key_pem(plain=options.plain_key) + opened.certificate_pem() + opened.chain_pem()


def install(session: Session, name: str | None, password_file: str | None, wanted: Wanted) -> int:
    """Put the certificate where programs look for it, and tell the desk."""
    found = session.name(name)
    session.home.load(found)
    with session.workflow() as workflow:
        with session.home.locked(found):
            enrollment, issued = _certified(session, found)
            places = places_for(wanted, enrollment.form.kind, issued.retired)
            opens_key = any(place.opens_key for place in places)
            password = _password(session, issued, password_file) if opens_key else None
            opened = credential(issued, session.settings().trust_anchors, password)
            filled = [place.where for place in places if _filled(session, place, opened)]
            if filled:
                enrollment = workflow.installed(enrollment)
        enrollment = reported(session, workflow, enrollment)
    rows = [(N_("installed in"), where) for where in filled]
    session.screen.result(summary.document(enrollment) | {"places": filled}, [*rows, *summary.rows(enrollment)])
    return DONE if len(filled) == len(places) else FAILED


def _filled(session: Session, place: Place, opened: Credential) -> bool:
    """Install in one place; one that fails does not keep the others from being tried."""
    try:
        place.install(opened)
    except CertdeskError as error:
        session.screen.warning(error)
        return False
    return True


def _certified(session: Session, name: str) -> tuple[Enrollment, Issued]:
    enrollment = session.home.load(name)
    if enrollment.issued is None:
        raise ClientError(
            ErrorKind.CONFLICT,
            N_("there is no certificate here yet: the enrollment {name} is {status}"),
            hint=N_("certdesk-client collect"),
            name=name,
            status=enrollment.status,
        )
    return enrollment, enrollment.issued


def _password(session: Session, issued: Issued, password_file: str | None) -> str:
    if not issued.key:
        raise ClientError(
            ErrorKind.CONFLICT,
            N_("the key of this certificate lives elsewhere; only the certificate itself can be had here"),
            hint=N_("install --pem-dir DIRECTORY, or export --format pem, without --plain-key"),
        )
    return session.password(password_file)
