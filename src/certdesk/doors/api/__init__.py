"""The native door: JSON over HTTPS under `/api/v1`, RFC 9457 problem documents, OpenAPI 3.1.

app = api_app(ra, chain_pem=chain, settings=HTTPSettings(log=log), ready=ready)
"""

from certdesk.doors.api.app import api_app

__all__ = ["api_app"]
