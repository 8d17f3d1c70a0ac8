"""The SCEP door (RFC 8894): devices enroll over HTTP or HTTPS with messages that protect themselves.

app = scep_app(ra, va, identities, ca=ca.hierarchy, desk_url=url, settings=HTTPSettings(log=log))
"""

from certdesk.doors.scep.app import PREFIX, scep_app

__all__ = ["PREFIX", "scep_app"]
