"""The certificate authorities: their certificates, what relying parties are told, and what is renewed next."""

from collections.abc import Iterable
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certdesk.console.describing import Description, describe
from certdesk.console.rendering import Renderer
from certdesk.console.routing import OVERSEERS, Route, Visit
from certdesk.console.security import PAGE_HEADERS
from certdesk.domain.clock import Clock
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.text import N_
from certdesk.doors.answers import NO_STORE, Answer
from certdesk.ra import RegistrationAuthority
from certdesk.ra.authorities import AuthorityState

_NAMES = ("issuing", "root")
_WIDTH = 1000


@dataclass(frozen=True, slots=True)
class Authority:
    """One of the two CAs."""

    name: str
    description: Description
    der: bytes
    pem: str


@dataclass(frozen=True, slots=True)
class Span:
    """A validity in the picture."""

    name: str
    x: float
    width: float
    not_before: int
    not_after: int


@dataclass(frozen=True, slots=True)
class Picture:
    """The validities beneath each other, and where in them the present is."""

    spans: tuple[Span, ...]
    now: float
    width: int = _WIDTH


@dataclass(frozen=True, slots=True)
class Renewal:
    """Something that the desk renews by itself, or that somebody has to see to."""

    what: str
    """A message id."""
    at: int
    is_automatic: bool = True


class AuthorityPages:
    """What overseers see of the authorities."""

    def __init__(self, ra: RegistrationAuthority, renderer: Renderer, chain_pem: str, clock: Clock) -> None:
        self._ra = ra
        self._renderer = renderer
        self._chain_pem = chain_pem
        self._authorities = _authorities_of(chain_pem)
        self._clock = clock

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        return (
            Route("GET", "/authority", OVERSEERS, self.show),
            Route("GET", "/authority/{file}", OVERSEERS, self.download),
        )

    async def show(self, visit: Visit) -> Answer:
        """Show where the authorities stand."""
        state, now = await self._ra.authority_state(visit.by), self._clock()
        return self._renderer.answer(
            visit,
            "authority/show.html",
            authorities=self._authorities,
            picture=picture_of(self._authorities, now),
            state=state,
            renewals=_renewals(self._authorities, state),
        )

    async def download(self, visit: Visit) -> Answer:
        """Send a certificate, or the chain, as a file."""
        files = {"chain.pem": (self._chain_pem.encode(), b"application/x-pem-file")}
        for authority in self._authorities:
            files[f"{authority.name}.pem"] = (authority.pem.encode(), b"application/x-pem-file")
            files[f"{authority.name}.cer"] = (authority.der, b"application/pkix-cert")
        name = visit.parameters["file"]
        if name not in files:
            raise CertdeskError(ErrorKind.NOT_FOUND, N_("there is nothing at this address"))
        body, media_type = files[name]
        disposition = f'attachment; filename="{name}"'.encode()
        headers = ((b"content-type", media_type), (b"content-disposition", disposition), NO_STORE)
        return Answer(200, body, (*PAGE_HEADERS, *headers))


def _authorities_of(chain_pem: str) -> tuple[Authority, ...]:
    return tuple(map(_authority, _NAMES, x509.load_pem_x509_certificates(chain_pem.encode())))


def _authority(name: str, certificate: x509.Certificate) -> Authority:
    der = certificate.public_bytes(Encoding.DER)
    return Authority(name, describe(der), der, certificate.public_bytes(Encoding.PEM).decode())


def picture_of(authorities: Iterable[Authority], now: int) -> Picture:
    """Return the authorities' validities on one scale, from the first beginning to the last end."""
    every = [(authority.name, authority.description) for authority in authorities]
    begin = min(description.not_before for _, description in every)
    scale = _WIDTH / (max(description.not_after for _, description in every) - begin)

    def place(moment: int) -> float:
        return round(min(max((moment - begin) * scale, 0), _WIDTH), 1)

    spans = tuple(
        Span(name, place(each.not_before), round((each.not_after - each.not_before) * scale, 1), *_ends(each))
        for name, each in reversed(every)
    )
    return Picture(spans, place(now))


def _ends(description: Description) -> tuple[int, int]:
    return description.not_before, description.not_after


def _renewals(authorities: Iterable[Authority], state: AuthorityState) -> list[Renewal]:
    """Return what is renewed, the next first."""
    lists = {
        "root": N_("Revocation list of the root"),
        "issuing": N_("Revocation list of the issuing authority"),
    }
    certificates = {
        "root": N_("Certificate of the root"),
        "issuing": N_("Certificate of the issuing authority: half of its life"),
    }
    renewals = [Renewal(lists[each.authority], each.renewed_at) for each in state.lists if each.renewed_at]
    if state.responder_renewed_at:
        renewals.append(Renewal(N_("Certificate of the OCSP responder"), state.responder_renewed_at))
    for authority in authorities:
        not_before, not_after = _ends(authority.description)
        at = (not_before + not_after) // 2 if authority.name == "issuing" else not_after
        renewals.append(Renewal(certificates[authority.name], at, is_automatic=False))
    return sorted(renewals, key=lambda renewal: renewal.at)
