"""Organisations: the list, one of them, and the form in which administrators change it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from unicodedata import normalize

from babel import Locale

from certdesk.console.forms import Form
from certdesk.console.labels import DOOR_RULES, LABELS
from certdesk.console.rendering import Renderer
from certdesk.console.routing import ADMINISTRATORS, OVERSEERS, Route, Visit, see_other
from certdesk.domain.enrollment import DoorRule, KeyType, Kind, Organisation, Principal
from certdesk.domain.errors import CertdeskError, ErrorKind, Problem
from certdesk.domain.text import N_
from certdesk.domain.trail import EventFilter
from certdesk.doors.answers import Answer
from certdesk.doors.problems import MEANINGS
from certdesk.policy.countries import COUNTRIES
from certdesk.policy.registry import POLL_SECONDS, REQUEST_LIFETIME_DAYS, VALIDITY_DAYS
from certdesk.ra import RegistrationAuthority
from certdesk.ra.organisations import OrganisationFile
from certdesk.ra.registry import OPERATOR

_KINDS = tuple(kind for kind in Kind if kind is not Kind.MANAGER)
_TEXTS = (
    *("name", "country", "support_contact", "contact_name", "contact_email", "contact_phone"),
    *("state_or_province", "locality"),
)
_NUMBERS = ("validity_days", "request_lifetime_days", "poll_seconds")
_LATELY = 5
_CERTIFICATE = re.compile(r"(<certificate>.{24})[^<]*(</certificate>)")


class OrganisationPages:
    """What the operator keeps of the members of the federation."""

    def __init__(self, ra: RegistrationAuthority, renderer: Renderer) -> None:
        self._ra = ra
        self._renderer = renderer

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        return (
            Route("GET", "/organisations", OVERSEERS, self.index),
            Route("GET", "/organisations/add", ADMINISTRATORS, self.ask),
            Route("POST", "/organisations/add", ADMINISTRATORS, self.add),
            Route("GET", "/organisations/{code}", OVERSEERS, self.show),
            Route("GET", "/organisations/{code}/edit", ADMINISTRATORS, self.edit),
            Route("POST", "/organisations/{code}/edit", ADMINISTRATORS, self.save),
        )

    async def index(self, visit: Visit) -> Answer:
        """Show the list."""
        text = visit.query.get("q", "").strip()
        every = await self._ra.organisations(visit.by)
        return self._renderer.answer(
            visit,
            "organisations/index.html",
            organisations=[one for one in every if text.casefold() in f"{one.code} {one.name}".casefold()],
            operator=OPERATOR,
            kinds=_KINDS,
        )

    async def show(self, visit: Visit) -> Answer:
        """Show an organisation, and what was changed lately."""
        file = await self._ra.organisation_file(visit.parameters["code"], visit.by)
        events = await self._ra.events(visit.by, EventFilter(subject=file.organisation.code), limit=_LATELY)
        return self._renderer.answer(
            visit,
            "organisations/show.html",
            file=file,
            organisation=file.organisation,
            operator=OPERATOR,
            kinds=_KINDS,
            events=events.items,
            labels=LABELS,
        )

    async def ask(self, visit: Visit) -> Answer:
        """Show the empty form."""
        return await self._form(visit, _values_of(OrganisationFile(Organisation("", "", ""), ())), "")

    async def add(self, visit: Visit) -> Answer:
        """Add an organisation, or show what its devices would be told."""
        form = await visit.form()
        if form.ticked("preview"):
            return await self._preview(visit, form, "")
        try:
            added = await self._ra.add_organisation(_record_of(form, form.text("code").strip().upper()), visit.by)
        except CertdeskError as error:
            return await self._refused(visit, form, error)
        return see_other(f"/organisations/{added.code}?notice=saved")

    async def edit(self, visit: Visit) -> Answer:
        """Show the form with what is kept."""
        file = await self._ra.organisation_file(visit.parameters["code"], visit.by)
        return await self._form(visit, _values_of(file), file.mark, file=file)

    async def save(self, visit: Visit) -> Answer:
        """Change an organisation, or show what its devices would be told."""
        form, code = await visit.form(), visit.parameters["code"]
        if form.ticked("preview"):
            return await self._preview(visit, form, code)
        try:
            wanted = OrganisationFile(_record_of(form, code), _lines(form.text("reasons")))
            await self._ra.change_organisation(wanted, form.text("seen"), visit.by)
        except CertdeskError as error:
            return await self._refused(visit, form, error, code)
        return see_other(f"/organisations/{code}?notice=saved")

    async def _preview(self, visit: Visit, form: Form, code: str) -> Answer:
        """Show settings.xml as it would be: as a part of the page to htmx, or else within the whole form."""
        file = await self._ra.organisation_file(code, visit.by) if code else None
        try:
            record = _record_of(form, code or form.text("code").strip().upper())
            preview = shortened(await self._ra.preview_settings(OrganisationFile(record, ()), visit.by))
        except CertdeskError as error:
            if not visit.is_fragment or error.kind is not ErrorKind.INVALID_FIELD:
                return await self._refused(visit, form, error, code)
            preview = ""
        if visit.is_fragment:
            return self._renderer.answer(visit, "organisations/preview.html", preview=preview)
        return await self._form(visit, _typed(form), form.text("seen"), file=file, preview=preview)

    async def _refused(self, visit: Visit, form: Form, error: CertdeskError, code: str = "") -> Answer:
        if error.kind not in {ErrorKind.INVALID_FIELD, ErrorKind.CONFLICT}:
            raise error
        file = await self._ra.organisation_file(code, visit.by) if code else None
        # Whoever comes second is shown what is kept now, and may then save over it knowingly.
        overtaken = file is not None and error.kind is ErrorKind.CONFLICT
        seen = file.mark if file and overtaken else form.text("seen")
        return await self._form(visit, _typed(form), seen, file=file, error=error, overtaken=overtaken)

    async def _form(
        self,
        visit: Visit,
        values: Mapping[str, str | Sequence[str]],
        seen: str,
        *,
        file: OrganisationFile | None = None,
        preview: str | None = None,
        error: CertdeskError | None = None,
        overtaken: bool = False,
    ) -> Answer:
        translate = self._renderer.sentence(visit)
        code = file.organisation.code if file else ""
        return self._renderer.answer(
            visit,
            "organisations/edit.html",
            status=MEANINGS[error.kind].status if error else 200,
            file=file,
            code=code,
            values=values,
            seen=seen,
            kinds=() if code == OPERATOR else _KINDS,
            key_types=list(KeyType),
            door_rules=DOOR_RULES,
            countries=_countries(visit.language),
            ranges={"validity_days": VALIDITY_DAYS, "request_lifetime_days": REQUEST_LIFETIME_DAYS}
            | {"poll_seconds": POLL_SECONDS},
            preview=await self._kept_settings(file, visit.by) if preview is None else preview,
            errors={problem.field: problem.text(translate) for problem in error.problems} if error else {},
            overtaken=_differences(_values_of(file), values) if file and overtaken else {},
            labels=LABELS,
        )

    async def _kept_settings(self, file: OrganisationFile | None, by: Principal) -> str:
        """Return the settings.xml that devices get now; empty if there is none."""
        if file is None or not file.organisation.kinds:
            return ""
        return shortened(await self._ra.preview_settings(file, by))


def shortened(settings_xml: bytes) -> str:
    """Return settings.xml for people, who do not read certificates."""
    return _CERTIFICATE.sub("\\1…\\2", settings_xml.decode())


@lru_cache
def _countries(language: str) -> tuple[tuple[str, str], ...]:
    """Return code and name of every country, in the order of their names without accents."""
    names: Mapping[str, str] = Locale(language).territories
    countries = [(code, names.get(code, code)) for code in COUNTRIES]
    return tuple(sorted(countries, key=lambda country: normalize("NFD", country[1]).encode("ascii", "ignore")))


def _values_of(file: OrganisationFile) -> dict[str, str | Sequence[str]]:
    """Return a record as the form's fields have it."""
    organisation = file.organisation
    return {
        **{name: getattr(organisation, name) for name in _TEXTS},
        **{name: str(getattr(organisation, name)) for name in _NUMBERS},
        "code": organisation.code,
        "kinds": sorted(organisation.kinds),
        "door_rules": sorted(organisation.door_rules),
        "key_type": organisation.key_type.value,
        "allow_wildcards": "yes" if organisation.allow_wildcards else "",
        "allowed_names": "\n".join(organisation.allowed_names),
        "reasons": "\n".join(file.reasons),
    }


def _typed(form: Form) -> dict[str, str | Sequence[str]]:
    """Return the form's fields as they were sent."""
    names = ("code", "key_type", "allowed_names", "reasons", *_TEXTS, *_NUMBERS)
    return {
        **{name: form.text(name) for name in names},
        "kinds": sorted(form.every("kinds")),
        "door_rules": sorted(form.every("door_rules")),
        "allow_wildcards": "yes" if form.ticked("allow_wildcards") else "",
    }


def _differences(
    kept: Mapping[str, str | Sequence[str]], typed: Mapping[str, str | Sequence[str]]
) -> dict[str, str | Sequence[str]]:
    """Return the fields that are kept with another value than was typed."""
    return {name: kept[name] for name in LABELS if name in kept and kept[name] != _comparable(typed[name])}


def _comparable(typed: str | Sequence[str]) -> str | Sequence[str]:
    return typed.strip().replace("\r\n", "\n") if isinstance(typed, str) else typed


def _record_of(form: Form, code: str) -> Organisation:
    """Return the organisation that a form describes, not judged yet; raise `INVALID_FIELD` for what is no value."""
    problems: list[Problem] = []
    numbers: dict[str, int] = {}
    for name in _NUMBERS:
        digits = form.text(name).strip()
        if not (digits.isascii() and digits.isdigit() and len(digits) < 10):  # noqa: PLR2004 - more is too many
            problems.append(Problem(ErrorKind.INVALID_FIELD, N_("this is not a whole number"), name))
            continue
        numbers[name] = int(digits)
    kinds, door_rules, key_type = form.every("kinds"), form.every("door_rules"), form.text("key_type")
    if not set(kinds) <= set(_KINDS):
        problems.append(Problem(ErrorKind.INVALID_FIELD, N_("there is no such kind"), "kinds"))
    if not set(door_rules) <= set(DoorRule):
        problems.append(Problem(ErrorKind.INVALID_FIELD, N_("there is no such rule"), "door_rules"))
    if key_type not in list(KeyType):
        problems.append(Problem(ErrorKind.INVALID_FIELD, N_("choose a key type"), "key_type"))
    if problems:
        raise CertdeskError.of(problems)
    return Organisation(
        code,
        form.text("name"),
        form.text("country"),
        kinds=frozenset(map(Kind, kinds)),
        allow_wildcards=form.ticked("allow_wildcards"),
        key_type=KeyType(key_type),
        support_contact=form.text("support_contact"),
        door_rules=frozenset(map(DoorRule, door_rules)),
        contact_name=form.text("contact_name"),
        contact_email=form.text("contact_email"),
        contact_phone=form.text("contact_phone"),
        allowed_names=_lines(form.text("allowed_names")),
        state_or_province=form.text("state_or_province"),
        locality=form.text("locality"),
        validity_days=numbers["validity_days"],
        request_lifetime_days=numbers["request_lifetime_days"],
        poll_seconds=numbers["poll_seconds"],
    )


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())
