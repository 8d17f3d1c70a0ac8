"""Managers, as administrators administer them: who they are, what they may do, and how they get in."""

from collections.abc import Iterable
from urllib.parse import quote, unquote

from certdesk.console.browsers import describe_browser
from certdesk.console.enrolling import Handover, new_once, read_csr_form, read_once
from certdesk.console.filters import PAGE_SIZE
from certdesk.console.forms import Form
from certdesk.console.pages.account import octets_of, text_of
from certdesk.console.rendering import Renderer
from certdesk.console.routing import ADMINISTRATORS, OVERSEERS, Route, Visit, see_other
from certdesk.domain.clock import Clock
from certdesk.domain.enrollment import Manager, Role
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.listing import ManagerFilter
from certdesk.domain.text import N_
from certdesk.doors.answers import Answer
from certdesk.doors.problems import MEANINGS
from certdesk.ra import RegistrationAuthority
from certdesk.ra.links import NewLink
from certdesk.ra.registry import OPERATOR

_PASSED_ON = {ErrorKind.NOT_FOUND, ErrorKind.UNAUTHENTICATED, ErrorKind.UNAVAILABLE, ErrorKind.INTERNAL}
_LONGEST_TEXT = 254


def address_of(email: str) -> str:
    """Return the address of a manager's page; a slash in an e-mail address, as rare as it is, is no path's."""
    return f"/managers/{quote(email.replace('%', '%25').replace('/', '%2F'), safe='@')}"


class ManagerPages:
    """The list, one manager, and what is done to them."""

    def __init__(
        self, ra: RegistrationAuthority, renderer: Renderer, chain_pem: str, desk_url: str, clock: Clock
    ) -> None:
        self._ra = ra
        self._renderer = renderer
        self._handover = Handover(ra, renderer, chain_pem)
        self._desk_url = desk_url
        self._clock = clock

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        one = "/managers/{email}"
        return (
            Route("GET", "/managers", OVERSEERS, self.index),
            Route("GET", "/managers/invite", ADMINISTRATORS, self.ask),
            Route("POST", "/managers/invite", ADMINISTRATORS, self.invite),
            Route("GET", one, OVERSEERS, self.show),
            Route("POST", f"{one}/edit", ADMINISTRATORS, self.edit),
            Route("POST", f"{one}/link", ADMINISTRATORS, self.link),
            Route("POST", f"{one}/certificate", ADMINISTRATORS, self.issue),
            Route("POST", f"{one}/csr", ADMINISTRATORS, self.certify, is_upload=True),
            Route("POST", f"{one}/disable", ADMINISTRATORS, self.disable),
            Route("POST", f"{one}/enable", ADMINISTRATORS, self.enable),
            Route("POST", f"{one}/sessions/end", ADMINISTRATORS, self.end_sessions),
        )

    async def index(self, visit: Visit) -> Answer:
        """Show the list with its filters."""
        wanted = _filter_of(visit)
        page = await self._ra.managers(visit.by, wanted, after=visit.query.get("after", ""), limit=PAGE_SIZE)
        return self._renderer.answer(
            visit,
            "managers/index.html",
            page=page,
            wanted=wanted,
            roles=list(Role),
            organisations=await self._organisations(visit),
            address_of=address_of,
        )

    async def ask(self, visit: Visit) -> Answer:
        """Ask who is to be invited."""
        return await self._question(visit, Form({"organisation": [visit.query.get("organisation", "")]}))

    async def invite(self, visit: Visit) -> Answer:
        """Register a manager and show their link, once."""
        form = await visit.form()
        try:
            link = await self._ra.invite(_manager_of(form, form.text("email")), visit.by)
        except CertdeskError as error:
            if error.kind in _PASSED_ON:
                raise
            return await self._question(visit, form, error)
        return self._link_page(visit, link)

    async def show(self, visit: Visit) -> Answer:
        """Show a manager."""
        return await self._page(visit)

    async def edit(self, visit: Visit) -> Answer:
        """Change name, role and organisation."""
        form, email = await visit.form(), _email(visit)
        try:
            await self._ra.edit_manager(_manager_of(form, email), visit.by)
        except CertdeskError as error:
            return await self._page(visit, error, form)
        return see_other(f"{address_of(email)}?notice=saved")

    async def link(self, visit: Visit) -> Answer:
        """Make a one-time link and show it, once."""
        try:
            return self._link_page(visit, await self._ra.link_for(_email(visit), visit.by))
        except CertdeskError as error:
            return await self._page(visit, error)

    async def issue(self, visit: Visit) -> Answer:
        """Make a key and a certificate and hand them over, once."""
        once, email = read_once((await visit.form()).text("once")), _email(visit)
        try:
            identity = await self._ra.issue_to_manager(email, once, visit.by)
        except CertdeskError as error:
            return await self._page(visit, error)
        return self._handover.identity(visit, identity, address_of(email))

    async def certify(self, visit: Visit) -> Answer:
        """Issue a certificate for the manager's own key."""
        asked, email = await read_csr_form(visit), _email(visit)
        try:
            certificate = await self._ra.certify_manager(email, asked.csr, asked.once, visit.by)
        except CertdeskError as error:
            return await self._page(visit, error)
        return self._handover.certificate(visit, certificate, address_of(email))

    async def disable(self, visit: Visit) -> Answer:
        """Keep a manager out, at once."""
        email = _email(visit)
        try:
            await self._ra.disable_manager(email, visit.by)
        except CertdeskError as error:
            return await self._page(visit, error)
        return see_other(f"{address_of(email)}?notice=manager-disabled")

    async def enable(self, visit: Visit) -> Answer:
        """Let a manager in again."""
        email = _email(visit)
        try:
            await self._ra.enable_manager(email, visit.by)
        except CertdeskError as error:
            return await self._page(visit, error)
        return see_other(f"{address_of(email)}?notice=manager-enabled")

    async def end_sessions(self, visit: Visit) -> Answer:
        """End one session of a manager, or all."""
        email, session = _email(visit), (await visit.form()).text("session")
        if session:
            await self._ra.end_manager_session(email, octets_of(session), visit.by)
        else:
            await self._ra.end_manager_sessions(email, visit.by)
        return see_other(f"{address_of(email)}?notice=session-ended")

    def _link_page(self, visit: Visit, link: NewLink) -> Answer:
        return self._renderer.answer(
            visit, "managers/link.html", link=link, url=link.url(self._desk_url), back=address_of(link.email)
        )

    async def _question(self, visit: Visit, form: Form, error: CertdeskError | None = None) -> Answer:
        return self._renderer.answer(
            visit,
            "managers/invite.html",
            status=MEANINGS[error.kind].status if error else 200,
            form=form,
            roles=list(Role),
            organisations=await self._organisations(visit),
            errors=self._errors(visit, error),
        )

    async def _page(self, visit: Visit, error: CertdeskError | None = None, form: Form | None = None) -> Answer:
        if error and error.kind in _PASSED_ON:
            raise error
        file = await self._ra.manager_file(_email(visit), visit.by)
        manager = file.standing.manager
        errors = self._errors(visit, error)
        return self._renderer.answer(
            visit,
            "managers/show.html",
            status=MEANINGS[error.kind].status if error else 200,
            file=file,
            manager=manager,
            here=address_of(manager.email),
            is_self=manager.email == visit.by.name,
            may_change=visit.by.role is Role.ADMINISTRATOR,
            shown=_shown(form, manager),
            roles=list(Role),
            organisations=await self._organisations(visit),
            sessions=[(each, text_of(each.token_sha256), describe_browser(each.user_agent)) for each in file.sessions],
            once=new_once(self._ra),
            errors=errors if form else {},
            wrong=[] if form and any(errors) else list(errors.values()),
        )

    def _errors(self, visit: Visit, error: CertdeskError | None) -> dict[str, str]:
        translate = self._renderer.sentence(visit)
        return {problem.field: problem.text(translate) for problem in error.problems} if error else {}

    async def _organisations(self, visit: Visit) -> list[tuple[str, str]]:
        """Return codes and names of the organisations that managers may belong to."""
        every = await self._ra.organisations(visit.by)
        return [(each.code, each.name) for each in every if each.code != OPERATOR]


def _email(visit: Visit) -> str:
    return unquote(visit.parameters["email"])


def _manager_of(form: Form, email: str) -> Manager:
    """Return what a form says of a manager; administrators belong to no organisation, whatever was chosen before."""
    role = _role(form.text("role"))
    return Manager(email, form.text("name"), role, "" if role is Role.ADMINISTRATOR else form.text("organisation"))


def _shown(form: Form | None, manager: Manager) -> dict[str, str]:
    """Return what stands in the fields: what was typed, or else what is so."""
    if form:
        return {name: form.text(name) for name in ("name", "role", "organisation")}
    return {"name": manager.name, "role": manager.role.value, "organisation": manager.organisation}


def _role(unverified_role: str) -> Role:
    if unverified_role not in list(Role):
        raise CertdeskError(ErrorKind.INVALID_FIELD, N_("choose one of these"), field="role")
    return Role(unverified_role)


def _filter_of(visit: Visit) -> ManagerFilter:
    role = visit.query.get("role", "")
    return ManagerFilter(
        text=visit.query.get("q", "").strip()[:_LONGEST_TEXT],
        role=Role(role) if role in list(Role) else None,
        organisation=visit.query.get("organisation", ""),
        disabled=visit.query.get("standing") == "disabled",
    )
