"""Deciding who is written to about what."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from uuid import uuid4

from certdesk.domain.clock import Clock
from certdesk.domain.enrollment import DAY, CertificationRequest, Event, Kind, Role
from certdesk.domain.identifiers import verification_code
from certdesk.domain.states import Action, RequestState
from certdesk.store import Store
from certdesk.store.mails import Expiring, Mail, Reader

_PLANNED = "mail_planned_until"
"""The property with the number of the last batch of events that mails were planned from."""
_DIGEST_HOUR = 6
"""UTC: it is there when a working day begins in Europe and Africa."""
REMINDERS = (30, 7)
"""So many days before its end a certificate's holder is written to."""
_SLICE = 200


class Planner:
    """Puts mails into the outbox."""

    def __init__(self, store: Store, desk_url: str, clock: Clock) -> None:
        self._store = store
        self._desk_url = desk_url
        self._clock = clock

    async def plan(self) -> int:
        """Plan the mails of the next batch of events; return 1 if there was one."""
        last = await self._store.events.last_batch()
        newest = last.number if last else 0
        planned = await self._store.organisations.property(_PLANNED)
        if planned is None:  # mail was just switched on: what happened before is nobody's news
            await self._store.organisations.add_property(_PLANNED, str(newest))
            return 0
        number = int(planned) + 1
        if number > newest:
            return 0
        for sealed in await self._store.events.of_batch(number):
            async for mail in self._mails_about(sealed.event):
                await self._store.mails.plan(mail)
        await self._store.organisations.put_property(_PLANNED, str(number))
        return 1

    async def _mails_about(self, event: Event) -> AsyncIterator[Mail]:
        if event.action == Action.SUBMIT:
            async for mail in self._about_submission(event):
                yield mail
        elif event.action in {Action.ISSUE, Action.REJECT}:
            async for mail in self._about_decision(event):
                yield mail
        elif event.action == "manager.invited":
            yield self._mail(event.id, event.subject, "invited", "", {})

    async def _about_submission(self, event: Event) -> AsyncIterator[Mail]:
        """Write to those who decide, unless it is decided by now: a renewal needs nobody."""
        request = await self._request(event.subject)
        if request is None or request.state is not RequestState.REQUESTED:
            return
        for reader in await self._deciders(request):
            if reader.notify == "at-once":
                yield self._mail(event.id, reader.email, "submitted", reader.language, self._facts_of(request))

    async def _about_decision(self, event: Event) -> AsyncIterator[Mail]:
        request = await self._request(event.subject)
        if request is None or request.renews is not None or request.submission.kind is Kind.MANAGER:
            return
        template = "issued" if event.action == Action.ISSUE else "rejected"
        yield self._mail(event.id, request.submission.email, template, "", self._facts_of(request))

    async def _request(self, request_id: str) -> CertificationRequest | None:
        enrollment = await self._store.requests.enrollment(request_id)
        return enrollment.request if enrollment else None

    async def _deciders(self, request: CertificationRequest) -> list[Reader]:
        submission = request.submission
        if submission.kind in {Kind.MOBILE, Kind.WORKSTATION}:
            return await self._store.mails.readers(Role.REGISTRATION_MANAGER, submission.organisation)
        return await self._store.mails.readers(Role.ADMINISTRATOR, "")

    def _facts_of(self, request: CertificationRequest) -> dict[str, str]:
        submission = request.submission
        return {
            "id": request.id,
            "organisation": submission.organisation,
            "kind": submission.kind.value,
            "email": submission.email,
            "phone": submission.phone,
            "description": submission.description,
            "device": submission.device.model or submission.device.id,
            "code": verification_code(request.spki_sha256),
            "reason": request.reason,
            "url": f"{self._desk_url}/requests/{request.id}",
        }

    async def digest(self) -> int:
        """Plan today's digests for those who want one and have something waiting; return how many."""
        now = datetime.fromtimestamp(self._clock() // 1000, UTC)
        if now.hour < _DIGEST_HOUR:
            return 0
        planned = 0
        for role in (Role.REGISTRATION_MANAGER, Role.ADMINISTRATOR):
            for reader in await self._store.mails.readers(role, ""):
                if reader.notify == "daily":
                    planned += await self._digest_for(reader, f"digest/{now:%Y-%m-%d}")
        return planned

    async def _digest_for(self, reader: Reader, key: str) -> bool:
        count, since = await self._store.mails.waiting(reader.organisation)
        if not count:
            return False
        facts = {"count": str(count), "since": day(since), "url": f"{self._desk_url}/requests?state=requested"}
        return await self._store.mails.plan(self._mail(key, reader.email, "digest", reader.language, facts))

    async def remind(self) -> None:
        """Plan mails about certificates that end soon."""
        now = self._clock()
        for days in REMINDERS:
            suffix = f"/expiring/{days}"
            for kind in Kind:
                template = "expiring-manager" if kind is Kind.MANAGER else "expiring"
                async for found in self._unknown(kind, now, now + days * DAY, suffix):
                    facts = {"id": found.request_id, "device": found.device_id, "until": day(found.not_after)}
                    mail = self._mail("", found.email, template, "", facts, key=found.request_id + suffix)
                    await self._store.mails.plan(mail)

    async def _unknown(self, kind: Kind, now: int, before: int, suffix: str) -> AsyncIterator[Expiring]:
        """Yield the certificates of a kind that end in a span and that no mail is about; let others work in between."""
        after: tuple[int, bytes] | None = (now + 1, b"")
        while after:
            found = await self._store.mails.expiring(kind, before, suffix, after=after, limit=_SLICE)
            for each in found:
                if not each.is_known:
                    yield each
            after = found[-1].position if len(found) == _SLICE else None
            await asyncio.sleep(0)

    def _mail(
        self, event: str, recipient: str, template: str, language: str, facts: Mapping[str, str], *, key: str = ""
    ) -> Mail:
        now = self._clock()
        return Mail(str(uuid4()), key or f"{event}/{recipient}", recipient, template, language, facts, now, now)


def day(milliseconds: int) -> str:
    """Return a date as everybody reads it (ISO 8601)."""
    return f"{datetime.fromtimestamp(milliseconds // 1000, UTC):%Y-%m-%d}"
