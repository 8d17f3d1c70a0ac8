"""A federation after three busy years: organisations, people, requests, certificates and the log of it all.

    for table, rows in Population(1_000_000, desk_keys, now).rows(): ...

Everything that pages show is real or parses like it: CSRs come from a pool of real ones, certificates are real ones
with other serial numbers, events carry the audit log's codes and are sealed in batches that `certdesk audit verify`
accepts.
The same size makes the same names, so searches can be chosen beforehand.
"""

import heapq
import os
import random
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import msgspec
from cryptography import x509

from bench.fleet import make_csr
from certdesk.audit.log import AuditLog, digest
from certdesk.audit.seal import BATCH, Statement, digest_of
from certdesk.ca.authority import CertificateAuthority
from certdesk.ca.order import CertificateOrder
from certdesk.domain.clock import MINUTE, SECOND
from certdesk.domain.enrollment import DAY, Event, Kind, Names
from certdesk.domain.identifiers import new_request_id, sha256
from certdesk.domain.states import Action, RevocationReason
from certdesk.store.events import Batch
from certdesk.wire.pkcs10 import parse_csr

ORGANISATIONS = 200
SPAN = 3 * 365 * DAY
_CHUNK = 5000
_POOL = 200
_HOUR = 60 * MINUTE
_KINDS = ((Kind.MOBILE, 0.70), (Kind.WORKSTATION, 0.24), (Kind.SERVER, 0.059), (Kind.MANAGER, 0.001))
_ENDS = (("issued", 0.52), ("cancelled", 0.17), ("lapsed", 0.17), ("rejected", 0.12), ("requested", 0.02))
"""What became of a request that had time enough; the last are those that only seem to have had it."""
_STILL_OPEN = 0.5
"""Of the requests of the last weeks."""
_OPEN_SPAN = 21 * DAY
_SUPERSEDED, _REVOKED = 0.35, 0.03
_FIRST_NAMES = (
    "Claire Paul Jeanne Luc Marie Hugo Emma Louis Alice Jules Anna Jonas Mia Felix Lena Max Sofia Leon Elena Marco"
    " Giulia Luca Chiara Ines Joao Rita Pedro Olga Ivan Nadia Omar Leila Karim Aicha Ken Yuki Hana Ravi Priya Arjun"
    " Wei Li Mei Kofi Ama Kwame Zola Thabo Lerato Diego Lucia Mateo Camila Noah Olivia Liam Ava Ethan Grace Helene"
)
_LAST_NAMES = (
    "Petit Martin Bernard Dubois Thomas Robert Richard Durand Leroy Moreau Simon Laurent Lefebvre Michel Garcia David"
    " Bertrand Roux Vincent Fournier Morel Girard Andre Mercier Blanc Guerin Boyer Garnier Chevalier Weber Schmidt"
    " Meyer Wagner Becker Schulz Hoffmann Koch Bauer Richter Klein Wolf Neumann Schwarz Braun Rossi Russo Ferrari"
    " Esposito Bianchi Romano Colombo Ricci Marino Greco Bruno Gallo Conti Silva Santos Ferreira Pereira Oliveira"
    " Costa Rodrigues Lopes Sousa Novak Horvat Kovac Popov Ivanov Petrov Tanaka Suzuki Sato Kim Lee Park Chen Wang"
    " Zhang Liu Singh Kumar Sharma Patel Khan Ali Hassan Diallo Traore Keita Mensah Owusu Nkosi Dlamini Perez Smith"
)
_FIRST, _LAST = _FIRST_NAMES.split(), _LAST_NAMES.split()
_PLACES = ("Lyon", "Paris", "Berlin", "Bern", "Roma", "Porto", "Tokyo", "Dakar", "Quito", "Delhi", "Oslo", "Riga")
_MODELS = (("Zebra TC26", "Android 13"), ("Samsung XCover 6", "Android 14"), ("Honeywell CT45", "Android 12"))
_REASONS = (
    "The photograph does not show the device",
    "Please use your own e-mail address",
    "We do not know this device",
)
REVOCATIONS = (RevocationReason.KEY_COMPROMISE, RevocationReason.SUPERSEDED, RevocationReason.CESSATION_OF_OPERATION)

Rows = list[tuple[Any, ...]]
_encode = msgspec.json.Encoder().encode


@dataclass
class Place:
    """An organisation, with who and what keeps coming back."""

    code: str
    weight: float
    people: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    awaited: deque[tuple[bytes, bytes]] = field(default_factory=deque)
    """Serial numbers promised to the renewals of others, and theirs."""

    @property
    def domain(self) -> str:
        """What its addresses end in."""
        return f"{self.code.lower()}.example"

    @property
    def manager(self) -> str:
        """Who decides."""
        return f"manager@{self.domain}"


@dataclass(frozen=True, slots=True)
class Template:
    """A certificate in which another serial number can be put."""

    before: bytes
    after: bytes


def places(size: int) -> list[Place]:
    """Return the organisations; the first has about a seventh of all requests, the last a handful in a thousand."""
    weights = [1 / (number + 1) ** 0.9 for number in range(ORGANISATIONS)]
    total, chance = sum(weights), random.Random(7)  # noqa: S311 - names, not secrets
    made = [Place(f"{_code(number)}1", weight / total) for number, weight in enumerate(weights)]
    for place in made:
        expected = max(3, round(place.weight * size))
        place.people = [_address(chance, place.domain) for _ in range(expected // 3 + 1)]
        place.devices = [f"{place.code}-{chance.randrange(16**8):08X}" for _ in range(int(expected / 1.6) + 1)]
    return made


def _code(number: int) -> str:
    return "".join(chr(ord("A") + digit) for digit in (number // 26 % 26, number % 26, number * 7 % 26))


def _address(chance: random.Random, domain: str) -> str:
    first, last = chance.choice(_FIRST).lower(), chance.choice(_LAST).lower()
    return f"{first}.{last}{chance.choice(('', chance.randrange(1, 300)))}@{domain}"


class Population:
    """Makes the rows, in the order in which things happened."""

    def __init__(self, size: int, ca: CertificateAuthority, log: AuditLog, now: int) -> None:
        self._ca, self._log, self._now, self._size = ca, log, now, size
        self._chance = random.Random(size)  # noqa: S311 - a population, not secrets
        self.places = places(size)
        self._cumulative = list(accumulate(place.weight for place in self.places))
        self._kinds = list(accumulate(share for _, share in _KINDS))
        self._ends = list(accumulate(share for _, share in _ENDS))
        self._csrs = [parse_csr(make_csr()).der for _ in range(_POOL)]
        self._rows: defaultdict[str, Rows] = defaultdict(list)
        self._coming: list[tuple[int, int, Event]] = []
        """Events that are still to happen while the past goes on."""
        self._count = 0
        self._open: list[Event] = []
        self._batch: Batch | None = None
        self._ids: set[str] = set()
        self._devices: set[tuple[str, str, Kind]] = set()
        """Devices with an undecided request; they may have one."""

    async def prepare(self) -> None:
        """Make the certificates that all others are copies of."""
        self._templates = [await self._template(der) for der in self._csrs]

    async def _template(self, csr: bytes) -> Template:
        serial = self._ca.new_serial_number()
        person = f"{self._chance.choice(_FIRST).lower()}@example.org"
        order = CertificateOrder(
            serial, Kind.MOBILE, "FR", "La Poste", "", "Lyon", "FRA1-7GQ4-2KXT", person, Names(), parse_csr(csr).spki,
            self._now, self._now + 365 * DAY,
        )  # fmt: skip
        der = await self._ca.issue(order)
        assert x509.load_der_x509_certificate(der).serial_number == int.from_bytes(serial)
        before, _, after = der.partition(serial)
        return Template(before, after)

    def rows(self) -> Iterator[tuple[str, Rows]]:
        """Yield rows by table, some thousand at once."""
        for number in range(self._size):
            at = self._now - SPAN + SPAN * number // self._size
            self._happen(at)
            self._request(at, number)
            if number % _CHUNK == _CHUNK - 1:
                yield from self._made()
        self._happen(self._now)
        self._seal()
        yield from self._made()

    def _made(self) -> Iterator[tuple[str, Rows]]:
        for table, rows in self._rows.items():
            if rows:
                yield table, rows
        self._rows.clear()

    def _choice(self, cumulative: Sequence[float]) -> int:
        point = self._chance.random() * cumulative[-1]
        return next(number for number, limit in enumerate(cumulative) if point <= limit)

    def _request(self, at: int, number: int) -> None:
        chance = self._chance
        place = chance.choices(self.places, cum_weights=self._cumulative)[0]
        kind = _KINDS[self._choice(self._kinds)][0]
        end = self._end(at)
        device = chance.choice(place.devices)
        if end == "requested":
            if (place.code, device, kind) in self._devices:
                end = "cancelled"
            self._devices.add((place.code, device, kind))
        email = chance.choice(place.people)
        request_id = self._new_id(place)
        spki = chance.randbytes(32)
        decided = min(at + chance.randrange(10 * MINUTE, 30 * _HOUR), self._now - 1)
        certificate = serial = renews = None
        if end == "issued":
            serial, renews = self._serial(place)
            certificate = serial
        model, platform = _MODELS[number % len(_MODELS)]
        names = (
            _encode({"dns": [f"srv{number % 977}.{place.domain}"], "ip": []}).decode() if kind is Kind.SERVER else ""
        )
        is_decision = end in {"issued", "rejected"}
        self._rows["requests"].append((
            place.code, kind.value, self._csrs[number % _POOL], chance.randbytes(32), email, "+33123456789",
            f"Counter {number % 90}, branch {_PLACES[number % len(_PLACES)]}", "", _PLACES[number % len(_PLACES)],
            device, model, platform, "Enroll 1.0.0", names if kind is Kind.SERVER else "",
            _person(email) if kind is Kind.MANAGER else "", request_id, spki, end,
            at, (self._now if end == "requested" else at) + 30 * DAY, "api", f"198.51.100.{number % 250}",
            None if end == "requested" else decided, place.manager if is_decision else "", "",
            _REASONS[number % len(_REASONS)] if end == "rejected" else "", "", "", renews, int(end == "issued"),
            certificate, decided + _HOUR if end == "issued" and number % 10 else None, "", "",
        ))  # fmt: skip
        self._rows["keys"].append((spki, f"{place.code}/{device}", 0))
        self._event(at, Action.SUBMIT, "requester", place.code, request_id, door="api")
        self._tell(end, decided, place, request_id, serial)
        if serial is not None:
            self._certificate(self._rows["requests"][-1], place, serial, decided, number)

    def _new_id(self, place: Place) -> str:
        while (request_id := new_request_id(place.code, self._chance.randbytes)) in self._ids:
            pass  # the desk would be refused by the database, and try another
        self._ids.add(request_id)
        return request_id

    def _end(self, at: int) -> str:
        if self._now - at < _OPEN_SPAN and self._chance.random() < _STILL_OPEN:
            return "requested"
        end = _ENDS[self._choice(self._ends)][0]
        return "lapsed" if end == "requested" else end

    def _serial(self, place: Place) -> tuple[bytes, bytes | None]:
        if place.awaited and self._chance.random() < _SUPERSEDED:
            return place.awaited.popleft()
        return self._ca.new_serial_number(), None

    def _tell(self, end: str, decided: int, place: Place, request_id: str, serial: bytes | None) -> None:
        if end == "issued" and serial is not None:
            self._event(decided, Action.APPROVE, place.manager, place.code, request_id)
            self._event(decided, Action.ISSUE, "desk", place.code, request_id, serial_number=serial.hex())
            self._event(decided + _HOUR, Action.INSTALL, "requester", place.code, request_id)
        elif end == "rejected":
            self._event(decided, Action.REJECT, place.manager, place.code, request_id, reason=_REASONS[0])
        elif end != "requested":
            action = Action.LAPSE if end == "lapsed" else Action.CANCEL
            self._event(decided, action, "desk" if end == "lapsed" else "requester", place.code, request_id)

    def _certificate(self, request: tuple[Any, ...], place: Place, serial: bytes, at: int, number: int) -> None:
        """Add the certificate of a request's row."""
        code, kind, _, _, email = request[:5]
        device, request_id, spki = request[9], request[15], request[16]
        template = self._templates[number % _POOL]
        der = template.before + serial + template.after
        lot = self._chance.random()
        status, revoked, reason, by, successor = "valid", None, None, "", None
        if lot < _SUPERSEDED and at < self._now - 331 * DAY:
            status, successor = "superseded", self._ca.new_serial_number()
            place.awaited.append((successor, serial))
            self._event(at + 330 * DAY, Action.SUPERSEDE, "desk", place.code, serial.hex(), by=successor.hex())
        elif lot > 1 - _REVOKED:
            status, revoked, by = "revoked", min(at + 20 * DAY, self._now - 1), place.manager
            reason = REVOCATIONS[number % len(REVOCATIONS)].value
            self._event(revoked, Action.REVOKE, by, place.code, serial.hex(), reason=reason)
        begin = (at - 5 * MINUTE) // SECOND * SECOND
        end = (at + 365 * DAY) // SECOND * SECOND
        self._rows["certificates"].append((
            serial, request_id, code, kind, status, f"CN={request_id},O=Operator {place.code},C=FR", email,
            device, begin, end, der, sha256(der), spki, self._ca.issuer, revoked, reason, by, "", successor,
        ))  # fmt: skip
        self._rows["issuances"].append((serial, request_id, 1, self._ca.issuer, at))
        if end > self._now:
            due = self._now + 13 * _HOUR + number * 997 % (11 * _HOUR)
            self._rows["ocsp_answers"].append((serial, status, der[:300], self._now, due))

    def _event(self, at: int, action: str, actor: str, organisation: str, subject: str, **facts: str) -> None:
        self._count += 1
        tail = self._chance.getrandbits(62) | 1 << 63
        text = f"{at:012x}7{self._count & 0xFFF:03x}{tail:016x}"
        event_id = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
        source = "198.51.100.7" if actor != "desk" else ""
        event = Event(event_id, at, str(action), actor, source, organisation, subject, facts)
        heapq.heappush(self._coming, (at, self._count, event))

    def _happen(self, now: int) -> None:
        """Let the events happen that were due by now, in their order, and seal them."""
        while self._coming and self._coming[0][0] <= now:
            self._open.append(heapq.heappop(self._coming)[2])
            if len(self._open) == BATCH:
                self._seal()

    def _seal(self) -> None:
        if not self._open:
            return
        number = (self._batch.number if self._batch else 0) + 1
        at = self._open[-1].at
        statement = Statement(
            number, digest_of(self._batch), at, tuple((each.id, digest(each).hex()) for each in self._open)
        )
        octets = msgspec.json.encode(statement)
        self._batch = Batch(number, at, octets, self._log.signer.sign(octets))
        self._rows["batches"].append((number, at, octets, self._batch.signature))
        for event in self._open:
            self._rows["events"].append((
                event.id, event.at, event.action, event.actor, event.source, event.organisation, event.subject,
                _encode(event.facts).decode(), self._log.code(event), number,
            ))  # fmt: skip
        self._open = []


def _person(email: str) -> str:
    return email.partition("@")[0].replace(".", " ").title()


def registry(population: Sequence[Place], now: int) -> Iterator[tuple[str, Rows]]:
    """Yield what organisations and managers there are."""
    yield (
        "organisations",
        [
            (
                place.code,
                f"Operator {place.code}",
                "FR",
                "manager mobile server workstation",
                0,
                "EC P-256",
                365,
                30,
                60,
            )
            for place in population
        ],
    )
    yield (
        "managers",
        [
            *((place.manager, "Claire Petit", "registration-manager", place.code, 0, now) for place in population),
            *((f"auditor@{place.domain}", "Odile Blanc", "auditor", place.code, 0, now) for place in population),
        ],
    )
    yield "reasons", [(place.code, number, text) for place in population for number, text in enumerate(_REASONS, 1)]


COLUMNS = {
    "requests": (
        "organisation, kind, csr, claim_sha256, email, phone, description, state_or_province, locality, device_id,"
        " device_model, device_platform, device_app, names, common_name, id, spki_sha256, state, created_at, lapses_at,"
        " door, source, decided_at, decided_by, comment, reason, supersedes, superseded_by, renews, attempt,"
        " serial_number, installed_at, code_id, vouched_by"
    ),
    "certificates": (
        "serial_number, request_id, organisation, kind, status, subject, email, device_id, not_before, not_after, der,"
        " fingerprint, spki_sha256, issuer, revoked_at, revocation_reason, revoked_by, revocation_comment,"
        " superseded_by"
    ),
    "keys": "spki_sha256, owner, compromised",
    "issuances": "serial_number, request_id, attempt, issuer, at",
    "ocsp_answers": "serial_number, status, der, this_update, next_update",
    "events": "id, at, action, actor, source, organisation, subject, facts, mac, batch",
    "batches": "number, sealed_at, statement, signature",
    "organisations": (
        "code, name, country, kinds, allow_wildcards, key_type, validity_days, request_lifetime_days, poll_seconds"
    ),
    "managers": "email, name, role, organisation, disabled, created_at",
    "reasons": "organisation, position, text",
}
"""The columns of the rows, by table."""


def new_token() -> bytes:
    """Return a session's secret."""
    return os.urandom(32)
