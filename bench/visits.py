"""What is asked of the console: every list, search, detail page and download, with other values each time."""

import base64
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from bench.population import SPAN, new_token, places
from certdesk.console.csrf import token_of
from certdesk.domain.clock import HOUR
from certdesk.domain.enrollment import DAY
from certdesk.domain.identifiers import CROCKFORD, sha256
from certdesk.store import Store
from certdesk.store.database import Change, must

_SAMPLES = 40
_SESSION = (
    "INSERT INTO sessions (token_sha256, email, method, created_at, seen_at, expires_at)"
    " VALUES (:token_sha256, :email, 'passkey', :now, :now, :expires_at)"
)
_SOME = """
    SELECT id, email, device_id, created_at, serial_number, state, kind FROM requests
    WHERE id >= :begin ORDER BY id LIMIT 1
"""
_WAITING = """
    SELECT id FROM requests WHERE state = 'requested' AND kind = 'mobile' AND organisation = :organisation
    ORDER BY created_at LIMIT 200
"""
_CERTIFICATE = "SELECT fingerprint, not_after FROM certificates WHERE serial_number = :serial_number"


@dataclass(frozen=True, slots=True)
class Example:
    """A request of the population, with its certificate if it has one."""

    id: str
    email: str
    device: str
    created_at: int
    state: str
    serial: str
    fingerprint: str
    not_after: int


@dataclass
class Visitor:
    """Somebody who is signed in."""

    name: str
    email: str
    organisation: str
    token: bytes = field(default_factory=new_token)
    examples: list[Example] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    @property
    def cookie(self) -> str:
        """The session's."""
        return f"__Host-certdesk={base64.urlsafe_b64encode(self.token).rstrip(b'=').decode()}"

    @property
    def is_manager(self) -> bool:
        """Whether they decide in one organisation."""
        return self.name.startswith("manager")

    @property
    def certified(self) -> list[Example]:
        """Those of the examples that have a certificate."""
        return [example for example in self.examples if example.serial]


def _decides(visitor: Visitor) -> bool:
    return not visitor.name.startswith("auditor")


def _decides_some(visitor: Visitor) -> bool:
    return _decides(visitor) and bool(visitor.waiting)


@dataclass(frozen=True, slots=True)
class Page:
    """One kind of page: its address for a visitor, the n-th time."""

    name: str
    address: Callable[[Visitor, int], str]
    who: Callable[[Visitor], bool] = _decides
    form: Callable[[Visitor, int], dict[str, Any]] | None = None
    """What is sent, if it is sent by POST."""
    enough: int = 0
    """Octets after which the answer is there; 0 for all of it."""


def visitors(size: int) -> list[Visitor]:
    """Return who visits: managers of the largest and of the smallest organisation, an administrator, an auditor."""
    every = places(size)
    large, small = every[0], every[-1]
    return [
        Visitor("manager, large organisation", large.manager, large.code),
        Visitor("manager, small organisation", small.manager, small.code),
        Visitor("administrator", "ada@operator.example", ""),
        Visitor("auditor, large organisation", f"auditor@{large.domain}", large.code),
    ]


async def admit(store: Store, visitor: Visitor, size: int, now: int) -> None:
    """Open a session, and choose the examples."""
    if not visitor.organisation:
        add = (
            "INSERT INTO managers (email, name, role, organisation, disabled) VALUES"
            " (:email, 'Ada Operator', 'administrator', '', 0) ON CONFLICT (email) DO UPDATE SET disabled = 0"
        )
        await store.database.apply(Change(must(add)), {"email": visitor.email})
    values = {"token_sha256": sha256(visitor.token), "email": visitor.email, "now": now, "expires_at": now + 10 * HOUR}
    await store.database.apply(Change(must(_SESSION)), values)
    chance, every = random.Random(visitor.name), places(size)  # noqa: S311 - a choice of examples
    weights = [place.weight for place in every]
    for _ in range(_SAMPLES):
        code = visitor.organisation or chance.choices(every, weights)[0].code
        visitor.examples.append(await _example(store, code, chance))
    for code in [visitor.organisation] if visitor.organisation else [place.code for place in every]:
        if len(visitor.waiting) < 200:  # noqa: PLR2004 - the most that can be decided at once
            visitor.waiting += [row[0] for row in await store.database.rows(_WAITING, {"organisation": code})]


async def _example(store: Store, code: str, chance: random.Random) -> Example:
    begin = f"{code}-{''.join(chance.choices(CROCKFORD[:30], k=4))}"
    row = await store.database.row(_SOME, {"begin": begin}) or await store.database.row(_SOME, {"begin": f"{code}-"})
    assert row is not None
    request_id, email, device, created_at, serial, state, _ = row
    found = await store.database.row(_CERTIFICATE, {"serial_number": serial}) if serial else None
    fingerprint, not_after = found or (b"", 0)
    number = serial.hex() if serial else ""
    return Example(request_id, email, device, created_at, state, number, fingerprint.hex(), not_after)


def _at(path: str, **query: str | int) -> Callable[[Visitor, int], str]:
    address = f"{path}?{urlencode(query)}" if query else path
    return lambda visitor, number: address  # noqa: ARG005 - the same for everybody


def _by(path: str, value: Callable[[Example], str], *, certified: bool = False) -> Callable[[Visitor, int], str]:
    def address(visitor: Visitor, number: int) -> str:
        examples = visitor.certified if certified else visitor.examples
        return path.replace("{}", quote(value(examples[number % len(examples)])))

    return address


def _month(visitor: Visitor, number: int) -> str:  # noqa: ARG001
    end = datetime.now(UTC).timestamp() * 1000 - SPAN * (number % 30) / 30
    first, last = (datetime.fromtimestamp(at / 1000, UTC).date() for at in (end - 30 * DAY, end))
    return f"from={first}&to={last}"


def _is_administrator(visitor: Visitor) -> bool:
    return not visitor.organisation


def _sees_log(visitor: Visitor) -> bool:
    return not visitor.is_manager


def _surname(example: Example) -> str:
    return re.sub(r"[0-9]+$", "", example.email.partition("@")[0].partition(".")[2])


def _domain(example: Example) -> str:
    return "@" + example.email.partition("@")[2]


def _ticked(count: int) -> Callable[[Visitor, int], dict[str, Any]]:
    def form(visitor: Visitor, number: int) -> dict[str, Any]:  # noqa: ARG001
        return {"csrf": token_of(visitor.token), "id": visitor.waiting[:count], "action": "approve"}

    return form


def pages() -> Iterator[Page]:
    """Yield every kind of page."""
    yield Page("home", _at("/"))
    yield from _request_lists()
    yield from _searches("/requests", ("rejected", "state"))
    yield Page("request", _by("/requests/{}", lambda each: each.id))
    waiting = _decides_some
    yield Page("request that waits", lambda who, number: f"/requests/{who.waiting[number % len(who.waiting)]}", waiting)
    yield Page("requests: confirm 50", _at("/requests/confirm"), waiting, _ticked(50))
    yield Page("requests: confirm 200", _at("/requests/confirm"), waiting, _ticked(200))
    yield from _certificate_lists()
    yield from _searches("/certificates", ("revoked", "status"))
    yield Page(
        "search certificates: fingerprint", _by("/certificates?q={}", lambda each: each.fingerprint, certified=True)
    )
    yield Page("certificate", _by("/certificates/{}", lambda each: each.serial, certified=True))
    yield Page("certificate: revoke", _by("/certificates/{}/revoke", lambda each: each.serial, certified=True))
    for name in ("requests", "certificates", "audit"):
        who = _sees_log if name == "audit" else _decides
        yield Page(f"{name}: begin of the CSV file", _at(f"/{name}/export.csv"), who, enough=20_000)
    yield from _log_pages()
    yield from _administration()


def _request_lists() -> Iterator[Page]:
    yield Page("requests", _at("/requests"))
    yield Page("requests: refresh", _at("/requests/list"))
    yield Page("requests: oldest first", _at("/requests", order="oldest"))
    for state in ("requested", "approved", "issued", "rejected", "cancelled", "lapsed"):
        yield Page(f"requests: {state}", _at("/requests", state=state))
    for kind in ("mobile", "workstation", "server"):
        yield Page(f"requests: {kind}", _at("/requests", kind=kind))
    yield Page("requests: server, rejected", _at("/requests", kind="server", state="rejected"))
    yield Page("requests: of a month", lambda who, number: f"/requests?{_month(who, number)}")
    yield Page("requests: lapsed in a month", lambda who, number: f"/requests?state=lapsed&{_month(who, number)}")
    yield Page("requests: deep page", _by("/requests?after={}", lambda each: f"{each.created_at}.{each.id}"))
    yield Page(
        "requests: of an organisation", _by("/requests?organisation={}", lambda each: each.id[:-10]), _is_administrator
    )


def _certificate_lists() -> Iterator[Page]:
    yield Page("certificates", _at("/certificates"))
    for status in ("valid", "revoked", "superseded"):
        yield Page(f"certificates: {status}", _at("/certificates", status=status))
    for kind in ("mobile", "workstation", "server"):
        yield Page(f"certificates: {kind}", _at("/certificates", kind=kind))
    for expiry in ("7", "30", "90", "expired"):
        name = expiry if expiry == "expired" else f"expire in {expiry} days"
        yield Page(f"certificates: {name}", _at("/certificates", expiry=expiry))
    yield Page("certificates: revoked, expired", _at("/certificates", status="revoked", expiry="expired"))
    yield Page(
        "certificates: deep page",
        _by("/certificates?after={}", lambda each: f"{each.not_after}.{each.serial}", certified=True),
    )


def _searches(path: str, extra: Sequence[str]) -> Iterator[Page]:
    name, query = f"search {path[1:]}", f"{path}?q={{}}"
    yield Page(f"{name}: ID", _by(query, lambda each: each.id))
    yield Page(f"{name}: begin of an ID", _by(query, lambda each: each.id[:-4]))
    yield Page(f"{name}: e-mail", _by(query, lambda each: each.email))
    yield Page(f"{name}: begin of an e-mail", _by(query, lambda each: each.email.partition("@")[0]))
    yield Page(f"{name}: surname", _by(query, _surname))
    yield Page(
        f"{name}: first name and surname", _by(query, lambda each: f"{each.email.partition('.')[0]} {_surname(each)}")
    )
    yield Page(f"{name}: domain", _by(query, lambda each: "@" + each.email.partition("@")[2]))
    yield Page(f"{name}: device", _by(query, lambda each: each.device))
    yield Page(f"{name}: begin of a device", _by(query, lambda each: each.device[:8]))
    yield Page(f"{name}: serial number", _by(query, lambda each: each.serial, certified=True))
    yield Page(f"{name}: begin of a serial number", _by(query, lambda each: each.serial[:16], certified=True))
    yield Page(f"{name}: one letter", _at(path, q="m"))
    yield Page(f"{name}: nothing", _at(path, q="zzyzx"))
    value, field_name = extra
    yield Page(f"{name}: surname, {value}", _by(f"{query}&{field_name}={value}", _surname))
    yield Page(
        f"{name}: domain, {value}", _by(f"{query}&{field_name}={value}", lambda each: each.email.partition("@")[2])
    )
    yield Page(f"{name}: second page of a letter", _second_page(path))


def _second_page(path: str) -> Callable[[Visitor, int], str]:
    def address(visitor: Visitor, number: int) -> str:
        example = visitor.examples[number % len(visitor.examples)]
        return f"{path}?q={quote(example.email[0])}&after=2.{example.id}"

    return address


def _log_pages() -> Iterator[Page]:
    yield Page("audit", _at("/audit"), _sees_log)
    for action in ("request.submitted", "request.rejected", "certificate.revoked"):
        yield Page(f"audit: {action}", _at("/audit", action=action), _sees_log)
    yield Page("audit: by a manager", _at("/audit", actor=places(0)[0].manager), _sees_log)
    yield Page("audit: by the desk", _at("/audit", actor="desk"), _sees_log)
    yield Page("audit: of a request", _by("/audit?subject={}", lambda each: each.id), _sees_log)
    yield Page("audit: of a month", lambda who, number: f"/audit?{_month(who, number)}", _sees_log)
    yield Page(
        "audit: of an organisation", _by("/audit?organisation={}", lambda each: each.id[:-10]), _is_administrator
    )


def _administration() -> Iterator[Page]:
    yield Page("account", _at("/account"))
    for name in ("organisations", "managers", "authority"):
        yield Page(name, _at(f"/{name}"), _is_administrator)
    yield Page("organisation", _by("/organisations/{}", lambda each: each.id[:-10]), _is_administrator)
    yield Page("publication", _by("/organisations/{}/publication", lambda each: each.id[:-10]), _is_administrator)
    yield Page("managers: search", _at("/managers", q="manager@a"), _is_administrator)
    yield Page("manager", lambda who, number: f"/managers/{quote(places(0)[number].manager)}", _is_administrator)  # noqa: ARG005
