"""`certdesk-client configure`: whose certificates, from which desk."""

import hashlib

from certdesk.client import configuration
from certdesk.client.failures import DONE
from certdesk.client.session import Session, read_file
from certdesk.domain.text import N_

_LARGEST_PEM = 1 << 20


def configure(session: Session, source: str, trust: str | None, fingerprint: str | None) -> int:
    """Fetch and keep the organisation's settings."""
    trust_pem = read_file(trust, _LARGEST_PEM).decode("ascii", "replace") if trust else ""
    learned = configuration.configure(source, session.transport, trust_pem=trust_pem, fingerprint=fingerprint or "")
    session.home.configure(learned)
    settings = learned.settings()
    anchors = [hashlib.sha256(anchor).hexdigest() for anchor in settings.trust_anchors]
    session.screen.result(
        {
            "organisation": settings.organisation,
            "name": settings.name,
            "country": settings.country,
            "desk_url": settings.desk_url,
            "key_type": settings.key_type.value,
            "support_contact": settings.support_contact,
            "trust_anchors_sha256": anchors,
            "home": str(session.home.path),
        },
        [
            (N_("organisation"), f"{settings.organisation}, {settings.name} ({settings.country})"),
            (N_("desk"), settings.desk_url),
            (N_("support"), settings.support_contact),
            *((N_("trust anchor"), f"SHA-256 {anchor}") for anchor in anchors),
            (N_("kept in"), str(session.home.path)),
        ],
    )
    session.screen.note(N_("next: certdesk-client request"))
    return DONE
