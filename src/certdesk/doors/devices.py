"""What a device's CSR says of the device, for doors whose protocols say nothing else about it."""

from collections.abc import Sequence

from certdesk.domain.enrollment import Device, Kind, Names, Submission
from certdesk.domain.errors import CertdeskError
from certdesk.domain.identifiers import check_organisation_code
from certdesk.doors.routing import nothing_here
from certdesk.policy.fields import LONGEST_DESCRIPTION, LONGEST_DEVICE_TEXT
from certdesk.wire import names
from certdesk.wire.pkcs10 import CSR

CHALLENGE_PASSWORD = "1.2.840.113549.1.9.7"  # noqa: S105 - an attribute's OID (RFC 2985 §5.4.1)
_KINDS = {kind.value: kind for kind in (Kind.WORKSTATION, Kind.MOBILE, Kind.SERVER)}
_KEY_DIGITS = 32
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def place_of(unverified_organisation: str, unverified_kinds: Sequence[str]) -> tuple[str, Kind]:
    """Return the organisation's code and the kind of certificate that a path names; raise `NOT_FOUND`.

    Case does not matter, and where a path has no kind it is a workstation's. Nobody is asked about what cannot be an
    organisation's code, and nothing is written down under it.
    """
    first, *others = unverified_kinds or [Kind.WORKSTATION]
    kind = _KINDS.get(first.lower())
    try:
        if kind is not None and not others:
            return check_organisation_code(unverified_organisation.upper()), kind
    except CertdeskError:
        pass
    raise nothing_here()


def submission_of(csr: CSR, organisation: str, kind: Kind, claim_sha256: bytes, app: str) -> Submission:
    """Return a device's submission, not judged yet; `app` is what it says of its program.

    It is recognised by its serial number, unstructured name, user ID or common name, whichever it has, and by its
    key if it has none. The description is the whole subject, so that the manager sees what the device calls itself.
    """
    subject = csr.subject()
    known_as = (
        names.first(subject, names.SERIAL_NUMBER, names.UNSTRUCTURED_NAME, names.USER_ID, names.COMMON_NAME)
        or csr.attribute(names.UNSTRUCTURED_NAME)
        or f"key {csr.spki_sha256.hex()[:_KEY_DIGITS]}"
    )
    return Submission(
        organisation=organisation,
        kind=kind,
        csr=csr.der,
        claim_sha256=claim_sha256,
        email=names.first(subject, names.EMAIL_ADDRESS) or next(iter(csr.emails), ""),
        phone="",
        description=_cut(names.written(subject), LONGEST_DESCRIPTION),
        state_or_province=names.first(subject, names.STATE_OR_PROVINCE),
        locality=names.first(subject, names.LOCALITY),
        device=Device(known_as, app=_printable(app)),
        names=_names(csr, subject) if kind is Kind.SERVER else Names(),
    )


def _names(csr: CSR, subject: names.Name) -> Names:
    """Return a name for a server whose CSR has none: its common name, as was usual before RFC 6125."""
    common_name = names.first(subject, names.COMMON_NAME)
    return Names() if csr.names or not common_name else Names((common_name,))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + _ELLIPSIS


def _printable(unverified_app: str) -> str:
    """Return the name of a program, as far as it can be shown: what it is called is nothing to refuse it for."""
    return "".join(each for each in unverified_app[:LONGEST_DEVICE_TEXT] if each.isprintable())
