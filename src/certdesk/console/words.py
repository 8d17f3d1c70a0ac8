"""The words in which people read the desk's states, kinds, roles and actions."""

from certdesk.domain.text import N_

WORDS: dict[str, str] = {
    # kinds
    "mobile": N_("mobile"),
    "workstation": N_("workstation"),
    "server": N_("server"),
    "manager": N_("manager"),
    # states of requests
    "requested": N_("waiting"),
    "approved": N_("approved"),
    "issued": N_("issued"),
    "rejected": N_("rejected"),
    "cancelled": N_("cancelled"),
    "lapsed": N_("lapsed"),
    # statuses of certificates
    "valid": N_("valid"),
    "revoked": N_("revoked"),
    "superseded": N_("superseded"),
    "expired": N_("expired"),
    # roles
    "registration-manager": N_("registration manager"),
    "administrator": N_("administrator"),
    "auditor": N_("auditor"),
    # methods of sign-in
    "certificate": N_("certificate"),
    "passkey": N_("passkey"),
    "link": N_("one-time link"),
    # an organisation's rules for standard doors
    "approve-vouched": N_("codes approve"),
    "require-code": N_("codes are needed"),
    "new-keys": N_("new keys for renewals"),
    "legacy-scep": N_("old algorithms in SCEP"),
    # reasons of revocations
    "reason.keyCompromise": N_("the key may be in other hands"),
    "reason.cessationOfOperation": N_("no longer in use"),
    "reason.superseded": N_("replaced by another certificate"),
    "reason.affiliationChanged": N_("the holder has moved elsewhere"),
    "reason.privilegeWithdrawn": N_("no longer entitled"),
    "reason.unspecified": N_("another reason"),
    # actions in a history
    "request.submitted": N_("submitted"),
    "request.approved": N_("approved"),
    "request.issued": N_("certificate issued"),
    "request.rejected": N_("rejected"),
    "request.cancelled": N_("replaced by a newer request"),
    "request.lapsed": N_("lapsed undecided"),
    "request.installed": N_("installed on the device"),
    "certificate.revoked": N_("revoked"),
    "certificate.superseded": N_("superseded by a renewal"),
    "manager.added": N_("manager registered"),
    "manager.invited": N_("manager invited"),
    "manager.changed": N_("manager changed"),
    "manager.disabled": N_("manager disabled"),
    "manager.enabled": N_("manager enabled"),
    "manager.notices-chosen": N_("notices chosen"),
    "link.made": N_("one-time link made"),
    "passkey.added": N_("passkey registered"),
    "passkey.renamed": N_("passkey renamed"),
    "passkey.removed": N_("passkey removed"),
    "passkey.refused": N_("passkey refused"),
    "session.opened": N_("signed in"),
    "session.closed": N_("session ended"),
    "session.all-closed": N_("sessions ended"),
    "request.vouched": N_("vouched for by an enrollment code"),
    "request.refused": N_("refused at a door"),
    "organisation.added": N_("organisation added"),
    "organisation.changed": N_("organisation changed"),
    "publication.changed": N_("publication page changed"),
    "file.published": N_("file published"),
    "file.replaced": N_("file replaced"),
    "file.removed": N_("file removed"),
    "token.added": N_("API token made"),
    "code.added": N_("enrollment code made"),
    "code.withdrawn": N_("enrollment code withdrawn"),
    "audit.asked": N_("verification of the log asked for"),
    "audit.verified": N_("log verified"),
    # actors that are no managers
    "requester": N_("the requester"),
    "renewal": N_("the holder of the earlier certificate"),
    "desk": N_("the desk itself"),
}
"""By the value that is stored. `certdesk.domain` has them as enumerations; what is missing is shown as it is."""

ICONS: dict[str, str] = {
    "mobile": "smartphone",
    "workstation": "monitor",
    "server": "server",
    "manager": "user-round",
    "requested": "hourglass",
    "approved": "stamp",
    "issued": "badge-check",
    "rejected": "circle-x",
    "cancelled": "replace",
    "lapsed": "timer-off",
    "valid": "circle-check",
    "revoked": "ban",
    "superseded": "replace",
    "expired": "timer-off",
}
"""The icon beside the word of a kind, state or status: none of them is told by colour alone."""
