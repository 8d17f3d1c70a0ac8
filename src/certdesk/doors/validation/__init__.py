"""The door of relying parties: OCSP, revocation lists and CA certificates, over plain HTTP as is usual.

    app = validation_app(va)

What is served here is signed, and whoever needs it to check a TLS connection cannot fetch it by one.
"""

from certdesk.doors.validation.app import PREFIXES, validation_app

__all__ = ["PREFIXES", "validation_app"]
