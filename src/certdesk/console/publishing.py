"""The addresses at which an organisation's devices find what is published for them."""

import io
from dataclasses import dataclass

import segno
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from markupsafe import Markup

from certdesk.domain.identifiers import sha256

_SCHEME = "https://"
_APP_SCHEME = "certdesk://"


@dataclass(frozen=True, slots=True)
class OrganisationAddresses:
    """Where one organisation's things are."""

    page: str
    settings: str
    """The settings.xml, with the trust anchor's fingerprint where nothing else vouches for the desk."""
    app: str
    """The settings for the app's own scheme; empty for a desk without TLS, which the app does not call."""
    fingerprint: str
    """SHA-256 of the trust anchor that vouches for the desk, hexadecimal; empty if the device's system does."""

    @property
    def plain_settings(self) -> str:
        """The settings.xml without a fragment."""
        return self.settings.partition("#")[0]


def root_of(chain_pem: str) -> bytes:
    """Return the last certificate of a chain, DER."""
    return x509.load_pem_x509_certificates(chain_pem.encode())[-1].public_bytes(Encoding.DER)


class Addresses:
    """The desk's public addresses.

    A desk whose TLS certificate is by its own CA is not known to any device, so its addresses carry the SHA-256 of
    the root: app and client trust whoever proves to be that desk.
    """

    def __init__(self, desk_url: str, root_der: bytes, *, is_own_tls: bool) -> None:
        self._desk_url = desk_url
        self._fingerprint = sha256(root_der).hex() if is_own_tls else ""

    def of(self, code: str) -> OrganisationAddresses:
        """Return an organisation's addresses."""
        fragment = f"#sha256={self._fingerprint}" if self._fingerprint else ""
        settings = f"{self._desk_url}/settings/{code}.xml{fragment}"
        return OrganisationAddresses(
            page=f"{self._desk_url}/publish/{code}",
            settings=settings,
            app=_APP_SCHEME + settings.removeprefix(_SCHEME) if settings.startswith(_SCHEME) else "",
            fingerprint=self._fingerprint,
        )


def qr_code(text: str, label: str) -> Markup:
    """Return a QR code as an SVG drawing, dark on light in either theme, since not every camera reads the reverse."""
    drawing = io.BytesIO()
    segno.make(text, error="m").save(
        drawing,
        kind="svg",
        xmldecl=False,
        svgns=False,
        omitsize=True,
        border=4,
        dark="#000",
        light="#fff",
        title=label,
        svgclass="qr",
        lineclass=None,
        nl=False,
    )
    return Markup(drawing.getvalue().decode().replace("<svg ", '<svg role="img" ', 1))  # noqa: S704 - segno escapes
