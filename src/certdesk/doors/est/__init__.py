"""The EST door (RFC 7030, RFC 8951): devices enroll over HTTPS, wait with 202, and renew by their certificate.

app = est_app(ra, ca_certificates=(issuing_der, root_der), settings=HTTPSettings(log=log))
"""

from certdesk.doors.est.app import est_app
from certdesk.doors.est.decoding import PREFIX, PREFIXES

__all__ = ["PREFIX", "PREFIXES", "est_app"]
