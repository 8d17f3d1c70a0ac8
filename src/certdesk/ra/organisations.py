"""Organisations as administrators keep them.

Two administrators may have the same form open. Each saves what they saw together with what they want, and whoever
comes second is told so instead of undoing the first one's change.
"""

import json
from dataclasses import dataclass, replace

from certdesk.domain.enrollment import DoorRule, Organisation, Principal
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import sha256
from certdesk.domain.text import N_
from certdesk.policy.fields import normal_lines
from certdesk.policy.registry import judge_organisation, judge_reasons, normalise_organisation
from certdesk.ra.office import check_administrator, no_such_organisation
from certdesk.ra.registry import OPERATOR, Registry, facts_of

_MARK_LENGTH = 16  # octets


@dataclass(frozen=True, slots=True)
class OrganisationFile:
    """An organisation with what its managers reuse."""

    organisation: Organisation
    reasons: tuple[str, ...]
    """For rejections, in the order in which they are offered."""

    @property
    def mark(self) -> str:
        """Return what tells this version of the record from every other."""
        return sha256(json.dumps(self.facts()).encode())[:_MARK_LENGTH].hex()

    def facts(self) -> dict[str, str]:
        """Return what stands in the audit log, by field."""
        return facts_of(self.organisation) | {"reasons": "\n".join(self.reasons)}


class Organisations(Registry):
    """Use cases of administrators, and what auditors of the whole federation read."""

    async def organisation_file(self, code: str, by: Principal) -> OrganisationFile:
        """Return an organisation in the caller's scope; raise `NOT_FOUND`."""
        organisation = await self._store.organisations.get(code) if by.sees(code) else None
        if organisation is None:
            raise no_such_organisation()
        return OrganisationFile(organisation, tuple(await self._store.reasons.of(code)))

    async def change_organisation(self, unverified: OrganisationFile, seen: str, by: Principal) -> OrganisationFile:
        """Give an organisation another record; its code stays.

        `seen` is the mark of the record that the caller had before their eyes. Raises `INVALID_FIELD`, `FORBIDDEN`,
        `NOT_FOUND`, or `CONFLICT` if somebody has changed the record since.
        """
        check_administrator(by)
        present = await self.organisation_file(unverified.organisation.code, by)
        wanted = judged(unverified)
        if present.mark != seen:
            raise changed_meanwhile()
        if wanted == present:
            return present
        code = present.organisation.code
        event = self._log.event(
            "organisation.changed", by, organisation=code, subject=code, **changes(present.facts(), wanted.facts())
        )
        was, now = (present.organisation, present.reasons), (wanted.organisation, wanted.reasons)
        if not await self._store.organisations.change(was, now, event):
            raise changed_meanwhile()
        return wanted

    async def set_door_rules(self, code: str, rules: frozenset[DoorRule], by: Principal) -> None:
        """Settle what an organisation wants of devices that come by a standard protocol; raise as for a change."""
        present = await self.organisation_file(code, by)
        wanted = replace(present, organisation=replace(present.organisation, door_rules=rules))
        await self.change_organisation(wanted, present.mark, by)

    async def preview_settings(self, unverified: OrganisationFile, by: Principal) -> bytes:
        """Return the settings.xml that devices would get if this were published; raise `INVALID_FIELD`."""
        check_administrator(by)
        return await self._settings_of(judged(unverified).organisation)


def judged(unverified: OrganisationFile) -> OrganisationFile:
    """Return a record as it is kept; raise everything that speaks against it."""
    organisation = normalise_organisation(unverified.organisation)
    if organisation.code == OPERATOR:
        organisation = replace(organisation, kinds=frozenset(), door_rules=frozenset())  # it enrolls managers only
    reasons = tuple(dict.fromkeys(filter(None, map(normal_lines, unverified.reasons))))
    problems = judge_organisation(organisation) + judge_reasons(reasons)
    if problems:
        raise CertdeskError.of(problems)
    return OrganisationFile(organisation, reasons)


def changes(was: dict[str, str], now: dict[str, str]) -> dict[str, str]:
    """Return the facts of an event about a change: the new values, and the old ones with `was_` before their names."""
    changed = [name for name in now if now[name] != was[name]]
    return {f"was_{name}": was[name] for name in changed} | {name: now[name] for name in changed}


def changed_meanwhile() -> CertdeskError:
    """Say that what was to be changed is not any more what the caller has seen."""
    return CertdeskError(
        ErrorKind.CONFLICT, N_("somebody else has changed this meanwhile: look at what it is now, then save again")
    )
