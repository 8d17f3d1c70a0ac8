"""The SCEP door (RFC 8894): devices enroll over HTTP or HTTPS with messages that protect themselves.

app = scep_app(ra, va, identities, ca=ca.hierarchy, desk_url=url, settings=HTTPSettings(log=log))
"""

from certdesk.doors.scep.app import scep_app
from certdesk.doors.scep.decoding import PREFIX

__all__ = ["PREFIX", "scep_app"]
