"""The headers that hold a browser to what the console needs, and to nothing else."""

from certdesk.doors.asgi import Header

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_PERMISSIONS = ", ".join(
    (
        *(f"{feature}=()" for feature in ("accelerometer", "camera", "display-capture", "geolocation", "gyroscope")),
        *(f"{feature}=()" for feature in ("magnetometer", "microphone", "midi", "payment", "usb")),
        "publickey-credentials-get=(self)",
        "publickey-credentials-create=(self)",
        "clipboard-write=(self)",
    )
)

PAGE_HEADERS: tuple[Header, ...] = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-frame-options", b"DENY"),
    # Other sites learn nothing; our own get the Origin header that the forms' check needs.
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", _PERMISSIONS.encode()),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""Sent with every answer of the console; HSTS and nosniff come with `doors.answers.Answer`."""
