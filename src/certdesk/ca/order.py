"""What the registration authority orders from the certificate authority: one certificate, fully described."""

from dataclasses import dataclass

from certdesk.domain.enrollment import Kind, Names


@dataclass(frozen=True, slots=True)
class CertificateOrder:
    """A certificate to be issued; everything in it has passed policy, and the CA checks its profile again."""

    serial_number: bytes
    """16 bytes big-endian, from `CertificateAuthority.new_serial_number`."""
    kind: Kind
    country: str
    """ISO 3166-1 alpha-2; empty if the organisation is of no one country, as the operator may be."""
    organisation_name: str
    state_or_province: str
    """May be empty: then the subject has no ST."""
    locality: str
    """May be empty: then the subject has no L."""
    common_name: str
    """The request ID for devices, the person's name for managers; servers take their first DNS name instead."""
    email: str
    """Becomes the rfc822Name of devices and managers; servers carry none, and devices may have none."""
    names: Names
    """Subject alternative names of servers; empty for every other kind."""
    spki: bytes
    """DER SubjectPublicKeyInfo."""
    not_before: int
    """Milliseconds UTC; a certificate has whole seconds, so the rest is cut off."""
    not_after: int
    """Milliseconds UTC, cut off likewise; the last moment at which the certificate is valid."""
