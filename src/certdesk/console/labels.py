"""What the fields of records, and the facts of events, are called."""

from certdesk.domain.enrollment import DoorRule
from certdesk.domain.text import N_

LABELS: dict[str, str] = {
    # an organisation's record
    "name": N_("Name"),
    "country": N_("Country"),
    "kinds": N_("Kinds"),
    "allowed_names": N_("Names that servers may have"),
    "allow_wildcards": N_("Wildcard names"),
    "key_type": N_("Key type"),
    "validity_days": N_("Validity in days"),
    "request_lifetime_days": N_("Days until a request lapses"),
    "poll_seconds": N_("Seconds between questions"),
    "support_contact": N_("Help for requesters"),
    "contact_name": N_("Contact person"),
    "contact_email": N_("Contact's e-mail"),
    "contact_phone": N_("Contact's telephone"),
    "state_or_province": N_("State or province"),
    "locality": N_("Locality"),
    "reasons": N_("Reasons for rejections"),
    "door_rules": N_("Rules for EST and SCEP"),
    # what an organisation publishes
    "introduction": N_("Introduction"),
    "instructions": N_("Further instructions"),
    "contact": N_("Contact"),
    "language": N_("Language"),
    "version": N_("Version"),
    "size": N_("Size in bytes"),
    "sha256": N_("SHA-256"),
    # other facts of events
    "reason": N_("Reason"),
    "comment": N_("Comment"),
    "door": N_("Door"),
    "code": N_("Enrollment code"),
    "kind": N_("Kind"),
    "count": N_("For how many devices"),
    "days": N_("Good for how many days"),
    "note": N_("What it is for"),
    "vouched_by": N_("Vouched for by"),
    "supersedes": N_("Replaces"),
    "superseded_by": N_("Replaced by"),
    "serial_number": N_("Serial number"),
    "by": N_("Renewed as"),
    "role": N_("Role"),
    "organisation": N_("Organisation"),
    "method": N_("Method"),
    "email": N_("E-mail"),
    "passkey": N_("Passkey"),
    "earlier_name": N_("Earlier name"),
    "purpose": N_("Purpose"),
    "notify": N_("E-mail about requests"),
    "used": N_("Devices that came with it"),
    "error": N_("Error"),
    "detail": N_("In words"),
    "asked_by": N_("Asked for by"),
    "events": N_("Events"),
    "batches": N_("Batches"),
    "findings": N_("Findings"),
}
"""By the name under which the value is stored; what is missing is shown as it is."""

DOOR_RULES: dict[DoorRule, tuple[str, str]] = {
    DoorRule.APPROVE_VOUCHED: (
        N_("A request with an enrollment code is approved at once"),
        N_("In the name of whoever made the code. Otherwise it waits for a manager, like any other."),
    ),
    DoorRule.REQUIRE_CODE: (
        N_("A device that the desk does not know needs an enrollment code"),
        N_("Otherwise it may ask without one, and waits for a manager."),
    ),
    DoorRule.NEW_KEYS: (
        N_("A renewal needs a new key"),
        N_("At every door, not only by EST and SCEP. Otherwise a device may keep its key."),
    ),
    DoorRule.LEGACY_SCEP: (
        N_("SCEP may use Triple DES and SHA-1"),
        N_("Both are weak: tick this only for devices that know nothing better."),
    ),
}
"""What each rule is to administrators, and what to know before ticking it."""
