"""Certificates for people: what a form asks for, and the page that hands over what was made, once.

The file is in the page itself, as a `data:` address: nothing of a private key is kept anywhere, and no second
request could ask for it.
"""

import base64
import binascii
from dataclasses import dataclass

from certdesk.console.forms import multipart
from certdesk.console.rendering import Renderer
from certdesk.console.routing import Visit
from certdesk.domain.enrollment import Certificate
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.doors.answers import Answer
from certdesk.doors.api.views import pem_of
from certdesk.ra import RegistrationAuthority
from certdesk.ra.managers import ManagerIdentity

LARGEST_UPLOAD = 64 * 1024
"""Octets of a form with a CSR, which has at most 32 KiB."""
_ONCE = 32


@dataclass(slots=True)
class Asked:
    """What a form with a CSR has brought; a file goes before pasted text."""

    once: bytes = b""
    pasted: bytes = b""
    file: bytes = b""

    @property
    def csr(self) -> bytes:
        """The CSR, or `INVALID_FIELD`."""
        csr = self.file if self.file.strip() else self.pasted.strip()  # DER may end with what looks like a space
        if not csr:
            raise CertdeskError(
                ErrorKind.INVALID_FIELD, N_("choose the file with the CSR, or paste its text"), field="csr"
            )
        return csr


def new_once(ra: RegistrationAuthority) -> str:
    """Return the value by which a form is known if it comes twice."""
    return ra.new_once().hex()


def read_once(unverified_text: str) -> bytes:
    """Return that value, or raise `MALFORMED`."""
    try:
        once = binascii.unhexlify(unverified_text.encode())
    except ValueError:
        once = b""
    if len(once) != _ONCE:
        raise CertdeskError(ErrorKind.MALFORMED, N_("this form cannot be read: go back, reload the page and try again"))
    return once


async def read_csr_form(visit: Visit) -> Asked:
    """Return the fields of a form with a CSR; raise `MALFORMED`, `FORBIDDEN` and `TOO_LARGE`."""
    fields = {"once": bytearray(), "csr": bytearray(), "file": bytearray()}
    async for part, octets in multipart(visit, LARGEST_UPLOAD):
        if octets and part.name in fields:
            fields[part.name] += octets
    return Asked(read_once(fields["once"].decode("latin-1")), bytes(fields["csr"]), bytes(fields["file"]))


@dataclass(frozen=True, slots=True)
class File:
    """What is handed over."""

    ending: str
    media_type: str
    octets: bytes
    password: str = ""


class Handover:
    """Pages that show what was made, once."""

    def __init__(self, ra: RegistrationAuthority, renderer: Renderer, chain_pem: str) -> None:
        self._ra = ra
        self._renderer = renderer
        self._chain_pem = chain_pem

    def identity(self, visit: Visit, identity: ManagerIdentity, back: str) -> Answer:
        """Hand over key and certificate under a password that is made up for it."""
        password = self._ra.new_password()
        file = identity.pkcs12(self._chain_pem, password)
        return self._page(visit, identity.certificate, back, File("p12", "application/x-pkcs12", file, password))

    def certificate(self, visit: Visit, certificate: Certificate, back: str) -> Answer:
        """Hand over a certificate for a key that its holder has."""
        file = (pem_of(certificate.der) + self._chain_pem).encode()
        return self._page(visit, certificate, back, File("pem", "application/x-pem-file", file))

    def _page(self, visit: Visit, certificate: Certificate, back: str, file: File) -> Answer:
        return self._renderer.answer(
            visit,
            "managers/made.html",
            certificate=certificate,
            back=back,
            address=f"data:{file.media_type};base64,{base64.b64encode(file.octets).decode()}",
            filename=f"{certificate.request_id}.{file.ending}",
            password=file.password,
        )
