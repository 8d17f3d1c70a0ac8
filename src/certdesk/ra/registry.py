"""The federation's members: organisations, and automations with their tokens; managers have their own module."""

import base64

from certdesk.domain.enrollment import DAY, Organisation, Principal, Role
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import sha256
from certdesk.domain.text import N_
from certdesk.policy.fields import judge_text
from certdesk.policy.registry import judge_organisation, normalise_organisation
from certdesk.ra.office import check_administrator, no_such_organisation, unknown_organisation
from certdesk.ra.reading import Reading
from certdesk.store.database import DuplicateError
from certdesk.wire.settings import Settings, write_settings

OPERATOR = "OPERATOR"
"""The code of the operator's own organisation, to which administrators belong."""
TOKEN_PREFIX = "cdt_"  # noqa: S105 - what tells a token from a claim, and leaked ones to scanners
DESK_URL = "desk_url"
"""The property that holds the URL under which devices reach the desk."""
_LONGEST_TOKEN_NAME = 64


def facts_of(organisation: Organisation) -> dict[str, str]:
    """Return what of an organisation's record stands in the audit log, by field."""
    return {
        "name": organisation.name,
        "country": organisation.country,
        "kinds": " ".join(sorted(organisation.kinds)),
        "allowed_names": " ".join(organisation.allowed_names),
        "allow_wildcards": "yes" if organisation.allow_wildcards else "",
        "key_type": organisation.key_type.value,
        "validity_days": str(organisation.validity_days),
        "request_lifetime_days": str(organisation.request_lifetime_days),
        "poll_seconds": str(organisation.poll_seconds),
        "support_contact": organisation.support_contact,
        "contact_name": organisation.contact_name,
        "contact_email": organisation.contact_email,
        "contact_phone": organisation.contact_phone,
        "state_or_province": organisation.state_or_province,
        "locality": organisation.locality,
        "door_rules": " ".join(sorted(organisation.door_rules)),
    }


class Registry(Reading):
    """Use cases of administrators."""

    async def add_organisation(self, unverified: Organisation, by: Principal) -> Organisation:
        """Add an organisation; raise `INVALID_FIELD`, `FORBIDDEN`, or `CONFLICT` if its code is taken."""
        check_administrator(by)
        organisation = normalise_organisation(unverified)
        problems = judge_organisation(organisation)
        if problems:
            raise CertdeskError.of(problems)
        await self._add_organisation(organisation, by)
        return organisation

    async def add_operator(self, name: str, country: str, by: Principal) -> None:
        """Add the operator's own organisation at the first start; it enrolls managers and no devices."""
        if await self._store.organisations.get(OPERATOR) is None:
            await self._add_organisation(Organisation(OPERATOR, name, country, kinds=frozenset()), by)

    async def _add_organisation(self, organisation: Organisation, by: Principal) -> None:
        event = self._log.event(
            "organisation.added",
            by,
            organisation=organisation.code,
            subject=organisation.code,
            **facts_of(organisation),
        )
        try:
            await self._store.organisations.add(organisation, event)
        except DuplicateError:
            raise CertdeskError(
                ErrorKind.CONFLICT,
                N_("there is an organisation {code} already"),
                field="organisation",
                code=organisation.code,
            ) from None

    async def organisations(self, by: Principal) -> list[Organisation]:
        """Return the organisations in the caller's scope."""
        every = await self._store.organisations.all()
        return [organisation for organisation in every if by.sees(organisation.code)]

    async def settings(self, code: str) -> bytes:
        """Return an organisation's settings.xml; raise `NOT_FOUND`."""
        organisation = await self._store.organisations.get(code)
        if organisation is None or not organisation.kinds:
            raise no_such_organisation()
        return await self._settings_of(organisation)

    async def _settings_of(self, organisation: Organisation) -> bytes:
        desk_url = await self._store.organisations.property(DESK_URL)
        if desk_url is None:
            raise no_such_organisation()
        return write_settings(
            Settings(
                organisation=organisation.code,
                name=organisation.name,
                country=organisation.country,
                desk_url=desk_url,
                trust_anchors=(self._ca.root_der,),
                key_type=organisation.key_type,
                state_or_province=organisation.state_or_province,
                locality=organisation.locality,
                support_contact=organisation.support_contact,
                poll_seconds=organisation.poll_seconds,
            )
        )

    async def add_token(self, name: str, role: Role, organisation: str, days: int, by: Principal) -> str:
        """Return a new API token for an automation; the desk keeps only its hash.

        Raises `INVALID_FIELD`, `FORBIDDEN`, or `CONFLICT` if the name is taken.
        """
        check_administrator(by)
        problems = judge_text("name", name, _LONGEST_TOKEN_NAME)
        if problems:
            raise CertdeskError.of(problems)
        if organisation and await self._store.organisations.get(organisation) is None:
            raise unknown_organisation()
        secret = base64.urlsafe_b64encode(self._randomness(32)).rstrip(b"=").decode()
        token = TOKEN_PREFIX + secret
        principal = Principal(f"token:{name}", role, organisation)
        event = self._log.event("token.added", by, organisation=organisation, subject=principal.name, role=role.value)
        try:
            await self._store.organisations.add_token(
                sha256(token.encode()), principal, self._clock() + days * DAY, event
            )
        except DuplicateError:
            raise CertdeskError(ErrorKind.CONFLICT, N_("there is a token of this name already"), field="name") from None
        return token
