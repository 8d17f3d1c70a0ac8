"""Judge whether a request may become a certificate: at submit and, with fresh facts, again at approve.

    submission = normalise(submission)  # once, at submit
    problems = judge(submission, csr, organisation, facts)

Everything here is pure: the facts that only storage knows are handed in. Whoever asks also calls
`csr.verify()`, best afterwards, for it costs ten times as much.
"""

from dataclasses import dataclass, replace

from certdesk.domain.enrollment import Device, Kind, Names, Organisation, Submission
from certdesk.domain.errors import ErrorKind, Problem
from certdesk.domain.text import N_
from certdesk.policy.contact import judge_email, judge_phone, normal_email, normal_phone
from certdesk.policy.fields import (
    LONGEST_COMMON_NAME,
    LONGEST_DESCRIPTION,
    LONGEST_DEVICE_TEXT,
    LONGEST_LOCALITY,
    LONGEST_STATE,
    judge_text,
    normal_lines,
    normal_text,
)
from certdesk.policy.keys import judge_key
from certdesk.policy.names import judge_names, normal_names
from certdesk.wire.pkcs10 import CSR

NO_NAMES = Names()


@dataclass(frozen=True, slots=True)
class Facts:
    """What storage knows of a submission's public key."""

    key_owner: str | None
    """`owner_of` an earlier submission with this key, `ca` for an authority's own key, or None."""
    key_compromised: bool
    """Whether a certificate for this key was ever revoked for keyCompromise."""


def owner_of(submission: Submission) -> str:
    """Return whom a submission's key belongs to; an organisation's code holds no slash, so this is unambiguous."""
    return f"{submission.organisation}/{submission.device.id}"


def normalise(submission: Submission) -> Submission:
    """Return a submission in the one spelling that is judged and kept; what makes no sense is left to the judgement."""
    device = submission.device
    return replace(
        submission,
        email=normal_email(submission.email),
        phone=normal_phone(submission.phone),
        description=normal_lines(submission.description),
        state_or_province=normal_text(submission.state_or_province),
        locality=normal_text(submission.locality),
        device=Device(
            normal_text(device.id),
            normal_text(device.model),
            normal_text(device.platform),
            normal_text(device.app),
            device.conditions,
        ),
        names=normal_names(submission.names) if submission.names else NO_NAMES,
        common_name=normal_text(submission.common_name),
    )


def approved_names(submission: Submission, csr: CSR) -> Names:
    """Return the names for the certificate: a server's from CSR and submission, normalised; none for other kinds."""
    if submission.kind is not Kind.SERVER:
        return NO_NAMES
    asked, also = csr.names, submission.names
    return normal_names(Names(asked.dns + also.dns, asked.ip + also.ip))


def judge(
    submission: Submission,
    csr: CSR,
    organisation: Organisation,
    facts: Facts,
    *,
    by_form: bool = True,
    legacy: bool = False,
) -> list[Problem]:
    """Return all that speaks against a normalised submission, the gravest first; an empty list approves of it.

    What came without a form (`CertificationRequest.is_by_form`) may lack what only a form asks for, and what comes
    from a legacy device (`CertificationRequest.is_legacy`) may be signed with SHA-1.
    """
    return [
        *_judge_kind(submission, organisation),
        *judge_key(csr, legacy=legacy),
        *_judge_facts(submission, facts),
        *_judge_names(submission, csr, organisation),
        *_judge_fields(submission, by_form=by_form),
    ]


def _judge_kind(submission: Submission, organisation: Organisation) -> list[Problem]:
    if submission.kind in organisation.kinds or submission.kind is Kind.MANAGER:
        return []
    return [
        Problem(
            ErrorKind.KIND_NOT_ALLOWED,
            N_("{organisation} does not enroll devices of the kind {requested}"),
            "kind",
            {"organisation": organisation.code, "requested": submission.kind},
        )
    ]


def _judge_facts(submission: Submission, facts: Facts) -> list[Problem]:
    if facts.key_compromised:
        return [Problem(ErrorKind.KEY_COMPROMISED, N_("this key was revoked as compromised: make a new one"), "csr")]
    if facts.key_owner is not None and facts.key_owner != owner_of(submission):
        # Not whose: that would tell one organisation about another.
        return [Problem(ErrorKind.KEY_IN_USE, N_("this key is already used elsewhere: make a new one"), "csr")]
    return []


def _judge_names(submission: Submission, csr: CSR, organisation: Organisation) -> list[Problem]:
    if submission.kind is not Kind.SERVER:
        if not submission.names:
            return []
        return [Problem(ErrorKind.NAME_NOT_ALLOWED, N_("only a server's certificate carries such names"), "names")]
    names = approved_names(submission, csr)
    return _judge_other_names(csr) + judge_names(
        names, allow_wildcards=organisation.allow_wildcards, suffixes=organisation.allowed_names
    )


def _judge_other_names(csr: CSR) -> list[Problem]:
    """Refuse a server's CSR that asks for names of other types: leaving them out silently would surprise later."""
    types = ("RFC822Name",) * bool(csr.emails) + csr.other_names
    if not types:
        return []
    message = N_("a server's certificate carries DNS names and IP addresses only, this CSR asks for {types}")
    return [Problem(ErrorKind.NAME_NOT_ALLOWED, message, "csr", {"types": ", ".join(sorted(set(types)))})]


def _judge_fields(submission: Submission, *, by_form: bool) -> list[Problem]:
    """Judge what was typed. A manager's certificate has only a name and an e-mail address, so the rest is optional."""
    device = submission.device
    is_manager = submission.kind is Kind.MANAGER
    required = by_form and not is_manager
    return [
        *(judge_text("common_name", submission.common_name, LONGEST_COMMON_NAME) if is_manager else ()),
        *judge_text("location.state_or_province", submission.state_or_province, LONGEST_STATE, required=required),
        *judge_text("location.locality", submission.locality, LONGEST_LOCALITY, required=required),
        *judge_email("contact.email", submission.email, required=by_form or is_manager),
        *judge_phone("contact.phone", submission.phone, required=required),
        *judge_text("description", submission.description, LONGEST_DESCRIPTION, required=required),
        *judge_text("device.id", device.id, LONGEST_DEVICE_TEXT),
        *judge_text("device.model", device.model, LONGEST_DEVICE_TEXT, required=False),
        *judge_text("device.platform", device.platform, LONGEST_DEVICE_TEXT, required=False),
        *judge_text("device.app", device.app, LONGEST_DEVICE_TEXT, required=False),
    ]
