"""Certification requests: what is read to judge one, and every change of their states."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from certdesk.domain.enrollment import (
    Certificate,
    CertificationRequest,
    Conditions,
    Device,
    Kind,
    Names,
    Organisation,
    Submission,
)
from certdesk.domain.listing import RequestFilter
from certdesk.domain.states import RequestState
from certdesk.store import certificates
from certdesk.store.branches import equals, limits_of, merged
from certdesk.store.database import Change, Database, Lookup, Row, must, then
from certdesk.store.events import SealedEvent, event_step, event_values
from certdesk.store.organisations import ORGANISATION_COLUMNS, organisation_of_row

COLUMNS = (
    "organisation, kind, csr, claim_sha256, email, phone, description, state_or_province, locality, device_id,"
    " device_model, device_platform, device_app, device_conditions, names, common_name, id, spki_sha256, state,"
    " created_at, lapses_at, door, source, decided_at, decided_by, comment, reason, supersedes, superseded_by, renews,"
    " attempt, serial_number, installed_at, code_id, vouched_by"
)
_WIDTH = len(COLUMNS.split(", "))
_R = ", ".join(f"r.{column}" for column in COLUMNS.split(", "))
_O = ", ".join(f"o.{column}" for column in ORGANISATION_COLUMNS.split(", "))
_ORGANISATION_WIDTH = len(ORGANISATION_COLUMNS.split(", "))

_FACTS = Lookup(f"""
    SELECT {_O},
        (SELECT id FROM requests WHERE claim_sha256 = :claim_sha256),
        (SELECT id FROM requests
         WHERE organisation = :organisation AND device_id = :device_id AND kind = :kind AND state = 'requested'),
        k.owner, k.compromised
    FROM organisations o LEFT JOIN keys k ON k.spki_sha256 = :spki_sha256
    WHERE o.code = :organisation
""")
_CASE = Lookup(f"""
    SELECT {_R}, {_O}, k.owner, k.compromised
    FROM requests r JOIN organisations o ON o.code = r.organisation LEFT JOIN keys k ON k.spki_sha256 = r.spki_sha256
    WHERE r.id = :id AND (:scope = '' OR r.organisation = :scope)
""")
_CASES = f"""
    SELECT {_R}, {_O}, k.owner, k.compromised
    FROM json_each(:ids) AS asked CROSS JOIN requests r CROSS JOIN organisations o
    LEFT JOIN keys k ON k.spki_sha256 = r.spki_sha256
    WHERE r.id = asked.key AND o.code = r.organisation AND (:scope = '' OR r.organisation = :scope)
"""
_ENROLLMENT = f"""
    SELECT {_R}, o.poll_seconds, {certificates.PREFIXED}
    FROM requests r JOIN organisations o ON o.code = r.organisation
    LEFT JOIN certificates c ON c.serial_number = r.serial_number
    WHERE {{which}}
"""
_BY_ID = Lookup(_ENROLLMENT.format(which="r.id = :id AND (:scope = '' OR r.organisation = :scope)"))
_BY_CLAIM = _ENROLLMENT.format(which="r.claim_sha256 = :claim_sha256")

_NEW = COLUMNS.partition(", decided_at")[0]
_NEW_VALUES = ", ".join(f":{column}" for column in _NEW.split(", "))
_OWN_KEY = must(
    "INSERT INTO keys (spki_sha256, owner, compromised) VALUES (:spki_sha256, :owner, 0)"
    " ON CONFLICT (spki_sha256) DO UPDATE SET owner = excluded.owner"
    " WHERE keys.owner = excluded.owner AND keys.compromised = 0"
)
_CANCEL = must(
    "UPDATE requests SET state = 'cancelled', superseded_by = :id, decided_at = :created_at"
    " WHERE id = :supersedes AND state = 'requested' AND {held}"
)
_INSERT = must(
    f"INSERT INTO requests ({_NEW}, supersedes, renews, code_id, vouched_by)"
    f" SELECT {_NEW_VALUES}, :supersedes, :renews, :code_id, :vouched_by WHERE {{held}}"
)
_USE_CODE = must(
    "UPDATE codes SET used = used + 1 WHERE id = :code_id AND used < allowed AND withdrawn_at IS NULL"
    " AND expires_at > :used_at AND {held}"
)
_ADD = Change(_OWN_KEY, _INSERT, then(event_step()), shared_by="spki_sha256")
_ADD_SUPERSEDING = Change(_OWN_KEY, _CANCEL, _INSERT, then(event_step()), then(event_step("cancelled")))
_ADD_VOUCHED = Change(_OWN_KEY, _USE_CODE, _INSERT, then(event_step()))
_ADD_VOUCHED_SUPERSEDING = Change(
    _OWN_KEY, _CANCEL, _USE_CODE, _INSERT, then(event_step()), then(event_step("cancelled"))
)
_VOUCH = Change(
    must(
        "UPDATE requests SET code_id = :code_id, vouched_by = :vouched_by"
        " WHERE id = :id AND state = 'requested' AND code_id = ''"
    ),
    _USE_CODE,
    then(event_step()),
)

_INTENT = then(certificates.INTENT)
_APPROVE = Change(
    must(
        "UPDATE requests SET state = 'approved', decided_at = :at, decided_by = :by, comment = :comment,"
        " attempt = :attempt WHERE id = :id AND state = 'requested'"
    ),
    _INTENT,
    then(event_step()),
    shared_by="id",
)
_RESUME = Change(
    must("UPDATE requests SET attempt = :attempt WHERE id = :id AND state = 'approved' AND attempt = :attempt - 1"),
    _INTENT,
)
_ISSUED = must(
    "UPDATE requests SET state = 'issued', serial_number = :serial_number"
    " WHERE id = :id AND state = 'approved' AND attempt = :attempt"
)
_CERTIFY = then(certificates.INSERT), then(certificates.INSERT_ANSWER)
_ISSUE = Change(_ISSUED, *_CERTIFY, then(event_step()), shared_by="id")
_ISSUE_RENEWAL = Change(
    _ISSUED, *_CERTIFY, then(event_step()), then(certificates.SUPERSEDE), then(event_step("superseded"))
)
_REJECT = Change(
    must(
        "UPDATE requests SET state = 'rejected', decided_at = :at, decided_by = :by, reason = :reason"
        " WHERE id = :id AND state = 'requested'"
    ),
    then(event_step()),
    shared_by="id",
)
_LAPSE = Change(
    must(
        "UPDATE requests SET state = 'lapsed', decided_at = :at"
        " WHERE id = :id AND state = 'requested' AND lapses_at <= :at"
    ),
    then(event_step()),
)
_INSTALL = Change(
    must("UPDATE requests SET installed_at = :at WHERE id = :id AND state = 'issued' AND installed_at IS NULL"),
    then(event_step()),
    shared_by="id",
)
_PLACE_OF_KEY = """
    SELECT organisation, kind FROM requests
    WHERE spki_sha256 = :spki_sha256 AND door = :door AND door <> 'api' ORDER BY created_at DESC LIMIT 1
"""
_RENEWAL = "SELECT state FROM requests WHERE renews = :renews AND state IN ('requested', 'approved', 'issued')"
_LAPSING = "SELECT id, organisation FROM requests WHERE state = 'requested' AND lapses_at <= :now LIMIT :limit"
_APPROVED = """
    SELECT id FROM requests WHERE state = 'approved' AND decided_at <= :before ORDER BY decided_at LIMIT :limit
"""
_WAITING = "SELECT count(*) FROM requests WHERE state = 'requested'"


@dataclass(frozen=True, slots=True)
class SubmissionFacts:
    """What the desk knows that bears on a new submission."""

    organisation: Organisation
    same_claim: str | None
    """The request that was submitted under the same claim."""
    pending: str | None
    """The undecided request of the same organisation, device and kind."""
    key_owner: str | None
    key_compromised: bool


@dataclass(frozen=True, slots=True)
class Case:
    """A request with all that bears on deciding it."""

    request: CertificationRequest
    organisation: Organisation
    key_owner: str | None
    key_compromised: bool


@dataclass(frozen=True, slots=True)
class Enrollment:
    """A request and, once issued, its certificate."""

    request: CertificationRequest
    certificate: Certificate | None
    poll_seconds: int
    """How long the requester should wait before it asks again."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What is recorded before a signature is made."""

    request_id: str
    serial_number: bytes
    attempt: int
    issuer: str
    at: int

    def values(self) -> dict[str, Any]:
        """Return the parameters of the step that records it."""
        return {
            "id": self.request_id,
            "serial_number": self.serial_number,
            "attempt": self.attempt,
            "issuer": self.issuer,
            "at": self.at,
        }


def request_of_row(row: Row) -> CertificationRequest:
    """Return the request in a row of the table's columns."""
    organisation, kind, csr, claim, email, phone, description, state, locality, *rest = row
    device_id, model, platform, app, conditions, names, common_name, *rest = rest
    request_id, spki_sha256, request_state, *rest = rest
    submission = Submission(
        organisation,
        Kind(kind),
        csr,
        claim,
        email,
        phone,
        description,
        state,
        locality,
        Device(device_id, model, platform, app, Conditions(**json.loads(conditions)) if conditions else None),
        names_of(names),
        common_name,
    )
    return CertificationRequest(request_id, submission, spki_sha256, RequestState(request_state), *rest)


def _case_of_row(row: Row) -> Case:
    end = _WIDTH + _ORGANISATION_WIDTH
    return Case(request_of_row(row[:_WIDTH]), organisation_of_row(row[_WIDTH:end]), row[end], bool(row[end + 1]))


def _enrollment_of_row(row: Row | None) -> Enrollment | None:
    if row is None:
        return None
    certificate = row[_WIDTH + 1 :]
    return Enrollment(
        request_of_row(row[:_WIDTH]),
        certificates.certificate_of_row(certificate) if certificate[0] is not None else None,
        row[_WIDTH],
    )


def names_of(text: str) -> Names:
    """Return the names in a row."""
    if not text:
        return Names()
    names = json.loads(text)
    return Names(tuple(names["dns"]), tuple(names["ip"]))


def _new_values(request: CertificationRequest) -> dict[str, Any]:
    submission, device = request.submission, request.submission.device
    names = submission.names
    return {
        "organisation": submission.organisation,
        "kind": submission.kind.value,
        "csr": submission.csr,
        "claim_sha256": submission.claim_sha256,
        "email": submission.email,
        "phone": submission.phone,
        "description": submission.description,
        "state_or_province": submission.state_or_province,
        "locality": submission.locality,
        "device_id": device.id,
        "device_model": device.model,
        "device_platform": device.platform,
        "device_app": device.app,
        "device_conditions": json.dumps(asdict(device.conditions)) if device.conditions else None,
        "names": json.dumps({"dns": names.dns, "ip": names.ip}) if names else "",
        "common_name": submission.common_name,
        "id": request.id,
        "spki_sha256": request.spki_sha256,
        "state": request.state.value,
        "created_at": request.created_at,
        "lapses_at": request.lapses_at,
        "door": request.door,
        "source": request.source,
        "supersedes": request.supersedes,
        "renews": request.renews,
        "code_id": request.code_id,
        "vouched_by": request.vouched_by,
        "used_at": request.created_at,
    }


LIMITS = {
    "organisation": "organisation = :organisation",
    "created_from": "created_at >= :created_from",
    "created_before": "created_at < :created_before",
}
"""The conditions of a filter's fields, but for kind, text and state."""


def branches_of(limits: Sequence[str], state: RequestState | None, kinds: Iterable[Kind]) -> Iterator[tuple[str, ...]]:
    """Yield the conditions of the parts that a list is merged of."""
    if state is RequestState.APPROVED:
        # Few are: they are found by their state, and the kind must not tempt into walking through all the others.
        names = ", ".join(f"'{kind.value}'" for kind in kinds)
        yield ("state = 'approved'", f"kind || '' IN ({names})", *limits)
        return
    for kind in kinds:
        state_too = [equals("state", state)] if state else []
        yield (*state_too, equals("kind", kind), *limits)


@cache
def _listing(
    limits: tuple[str, ...], state: RequestState | None, kinds: tuple[Kind, ...], *, paged: bool, oldest_first: bool
) -> str:
    """Compose the list's statement for one combination of filters, once."""
    if paged:
        limits = (*limits, f"(created_at, id) {'>' if oldest_first else '<'} (:after_time, :after_id)")
    order = "created_at, id" if oldest_first else "created_at DESC, id DESC"
    return merged(COLUMNS, "requests", "id", branches_of(limits, state, kinds), order)


class Requests:
    """The requests of all organisations; every read takes the scope of who asks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def facts(self, submission: Submission, spki_sha256: bytes) -> SubmissionFacts | None:
        """Return what bears on a submission, or None if there is no such organisation."""
        row = await self._database.look_up(
            _FACTS,
            {
                "claim_sha256": submission.claim_sha256,
                "organisation": submission.organisation,
                "device_id": submission.device.id,
                "kind": submission.kind.value,
                "spki_sha256": spki_sha256,
            },
        )
        if row is None:
            return None
        same_claim, pending, owner, compromised = row[_ORGANISATION_WIDTH:]
        return SubmissionFacts(
            organisation_of_row(row[:_ORGANISATION_WIDTH]), same_claim, pending, owner, bool(compromised)
        )

    async def case(self, request_id: str, scope: str) -> Case | None:
        """Return a request within a scope with what bears on deciding it."""
        row = await self._database.look_up(_CASE, {"id": request_id, "scope": scope})
        return _case_of_row(row) if row else None

    async def cases(self, request_ids: Sequence[str], scope: str) -> dict[str, Case]:
        """Return some requests within a scope, by their IDs, each with what bears on deciding it."""
        ids = json.dumps(dict.fromkeys(request_ids, 0))
        rows = await self._database.rows(_CASES, {"ids": ids, "scope": scope})
        return {case.request.id: case for case in map(_case_of_row, rows)}

    async def enrollment(self, request_id: str, scope: str = "") -> Enrollment | None:
        """Return a request within a scope with its certificate."""
        return _enrollment_of_row(await self._database.look_up(_BY_ID, {"id": request_id, "scope": scope}))

    async def enrollment_by_claim(self, claim_sha256: bytes) -> Enrollment | None:
        """Return the request that was submitted under a claim, with its certificate."""
        return _enrollment_of_row(await self._database.row(_BY_CLAIM, {"claim_sha256": claim_sha256}))

    async def place_of_key(self, spki_sha256: bytes, door: str) -> tuple[str, Kind] | None:
        """Return the organisation and kind of the last request that was made for a key through a door."""
        row = await self._database.row(_PLACE_OF_KEY, {"spki_sha256": spki_sha256, "door": door})
        return (row[0], Kind(row[1])) if row else None

    async def listing(
        self, wanted: RequestFilter, *, kinds: tuple[Kind, ...], after: tuple[int, str] | None, limit: int
    ) -> list[CertificationRequest]:
        """Return requests of some kinds in their order, after a position. The text is not looked at."""
        if not kinds:
            return []
        values, limits = limits_of(wanted, LIMITS)
        after_time, after_id = after or (0, "")
        rows = await self._database.rows(
            _listing(tuple(limits), wanted.state, kinds, paged=after is not None, oldest_first=wanted.oldest_first),
            values | {"after_time": after_time, "after_id": after_id, "limit": limit},
        )
        return [request_of_row(row) for row in rows]

    async def waiting(self) -> int:
        """Return how many requests wait for a decision."""
        row = await self._database.row(_WAITING, {})
        return int(row[0]) if row else 0

    async def lapsing(self, now: int, limit: int) -> Sequence[tuple[str, str]]:
        """Return ID and organisation of requests that nobody decided in time."""
        rows = await self._database.rows(_LAPSING, {"now": now, "limit": limit})
        return [(row[0], row[1]) for row in rows]

    async def is_renewed(self, serial_number: bytes) -> bool:
        """Tell whether a certificate has a successor, be it only approved."""
        rows = await self._database.rows(_RENEWAL, {"renews": serial_number})
        return any(row[0] != "requested" for row in rows)

    async def unissued(self, before: int, limit: int) -> list[str]:
        """Return requests that were approved before a time and not issued since."""
        return [row[0] for row in await self._database.rows(_APPROVED, {"before": before, "limit": limit})]

    async def add(
        self, request: CertificationRequest, owner: str, event: SealedEvent, cancelled: SealedEvent | None
    ) -> bool:
        """Add a request, cancelling the one it supersedes and using up its enrollment code by one.

        Return False if the key belongs to another owner, the superseded request is decided by now or the code is
        used up; raise `DuplicateError` if its ID, claim or device has a request already, its key has used the
        code or the certificate that it renews is being renewed. The caller looks again.
        """
        values = _new_values(request) | {"owner": owner} | event_values(event)
        if cancelled is None:
            return await self._database.apply(_ADD_VOUCHED if request.code_id else _ADD, values)
        change = _ADD_VOUCHED_SUPERSEDING if request.code_id else _ADD_SUPERSEDING
        return await self._database.apply(change, values | event_values(cancelled, "cancelled"))

    async def vouch(self, request_id: str, code_id: str, vouched_by: str, at: int, event: SealedEvent) -> bool:
        """Use an enrollment code up by one for an undecided request that came without.

        Return False if it is decided or vouched for already or the code is used up; raise `DuplicateError` if the
        request's key has used the code before.
        """
        values = {"id": request_id, "code_id": code_id, "vouched_by": vouched_by, "used_at": at}
        return await self._database.apply(_VOUCH, values | event_values(event))

    async def approve(self, intent: Intent, by: str, comment: str, event: SealedEvent) -> bool:
        """Approve a requested one and record the intent to sign; return False if it is decided already."""
        values = intent.values() | {"by": by, "comment": comment} | event_values(event)
        return await self._database.apply(_APPROVE, values)

    async def resume(self, intent: Intent) -> bool:
        """Record another intent to sign for an approved one; return False if somebody else does it."""
        return await self._database.apply(_RESUME, intent.values())

    async def issue(
        self, certificate: Certificate, attempt: int, event: SealedEvent, superseded: tuple[bytes, SealedEvent] | None
    ) -> bool:
        """Record the certificate of an approved one; return False if another attempt was faster."""
        values = certificates.values_of(certificate) | {"id": certificate.request_id, "attempt": attempt}
        values |= event_values(event)
        if superseded is None:
            return await self._database.apply(_ISSUE, values)
        renewed, its_event = superseded
        values |= {"renews": renewed} | event_values(its_event, "superseded")
        return await self._database.apply(_ISSUE_RENEWAL, values)

    async def reject(self, request_id: str, by: str, reason: str, at: int, event: SealedEvent) -> bool:
        """Reject a requested one; return False if it is decided already."""
        values = {"id": request_id, "by": by, "reason": reason, "at": at}
        return await self._database.apply(_REJECT, values | event_values(event))

    async def lapse(self, request_id: str, at: int, event: SealedEvent) -> bool:
        """Let a requested one lapse; return False if it is decided already."""
        return await self._database.apply(_LAPSE, {"id": request_id, "at": at} | event_values(event))

    async def install(self, request_id: str, at: int, event: SealedEvent) -> bool:
        """Note that the device has installed its certificate; return False if that is known."""
        return await self._database.apply(_INSTALL, {"id": request_id, "at": at} | event_values(event))
