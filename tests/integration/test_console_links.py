"""One-time links: who gets in by them, once, and what a scanner that opens them does."""

import re

import pytest

from certdesk.console.session import SESSION_COOKIE
from certdesk.domain.credentials import LINK_LIFETIME, LinkPurpose
from certdesk.domain.enrollment import Manager, Principal, Role
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.identifiers import sha256
from certdesk.ra.links import NewLink
from certdesk.store.database import Change, must
from tests.desks import OPERATOR, TestDesk
from tests.integration.console_calls import MANAGERS, URL, Browser, browser, make_console, signed_in, words

CLAIRE = MANAGERS["claire"]


async def first_link(desk: TestDesk, email: str = "") -> NewLink:
    """Return a link for the first administrator."""
    link = await desk.ra.first_link(OPERATOR, email)
    assert link is not None
    return link


async def follow(it: Browser, link: NewLink, **fields: str) -> int:
    """Open a link's page, send its form and return the status."""
    await it.get(address(link))
    token = re.sub(r".*token=", "", address(link))
    response = await it.post("/link", token=token, **fields)
    if response.status_code == 303:
        await it.get("/account")
    return response.status_code


def address(link: NewLink) -> str:
    """Return a link's address at the desk."""
    return link.url(URL).removeprefix(URL)


async def administrator(desk: TestDesk) -> Principal:
    """Return Ada as who acts."""
    manager = await desk.store.organisations.manager("ada@operator.example")
    assert manager is not None
    return Principal(manager.email, manager.role, manager.organisation)


async def test_the_first_administrator_names_themself(desk: TestDesk) -> None:
    """The link registers them and signs them in, in one change that the log records."""
    async with browser(make_console(desk)) as ada:
        assert await follow(ada, await first_link(desk), name="Ada  Operator", email="ada@OPERATOR.example") == 303
        page = words(await ada.get("/managers"))
        assert "ada@operator.example" in page
    manager = await desk.store.organisations.manager("ada@operator.example")
    assert manager == Manager("ada@operator.example", "Ada  Operator", Role.ADMINISTRATOR, "")
    events = [sealed.event for sealed in await desk.store.events.of_subject("ada@operator.example")]
    assert [event.action for event in events] == ["manager.added", "session.opened"]
    assert events[1].facts == {"method": "link", "made_by": OPERATOR.name}


async def test_opening_the_page_uses_nothing_up(desk: TestDesk) -> None:
    """A mail scanner may open a link as often as it likes; only the form's first use counts."""
    link = await first_link(desk)
    async with browser(make_console(desk)) as scanner:
        for _ in range(3):
            assert (await scanner.get(address(link))).status_code == 200
    async with browser(make_console(desk)) as ada:
        assert await follow(ada, link, name="Ada", email="ada@operator.example") == 303
    async with browser(make_console(desk)) as mallory:
        assert await follow(mallory, link, name="Mallory", email="mallory@operator.example") == 404
        assert SESSION_COOKIE not in mallory.client.cookies


async def test_what_is_typed_wrongly_uses_nothing_up(desk: TestDesk) -> None:
    """The form comes back with its errors and what was typed, as text."""
    link = await first_link(desk)
    async with browser(make_console(desk)) as ada:
        await ada.get(address(link))
        token = address(link).partition("token=")[2]
        wrong = await ada.post("/link", token=token, name="<b>Ada</b>\u202e", email="nowhere")
        assert wrong.status_code == 422
        assert "U+202E" in words(wrong)
        assert "is not an e-mail address" in words(wrong)
        assert "<b>Ada" not in wrong.text
        assert await follow(ada, link, name="Ada", email="ada@operator.example") == 303


async def test_links_for_the_first_administrator_end_with_the_first_administrator(desk: TestDesk) -> None:
    """Several may be about, from several starts; one makes the administrator, and no other one is made."""
    one, other = await first_link(desk), await first_link(desk)
    async with browser(make_console(desk)) as ada:
        assert await follow(ada, one, name="Ada", email="ada@operator.example") == 303
        assert await follow(ada, other, name="Eve", email="eve@operator.example") == 404
    assert await desk.ra.first_link(OPERATOR) is None


async def test_an_administrator_who_is_disabled_counts_for_none(desk: TestDesk) -> None:
    """A desk whose administrators are all gone can be opened again from the command line."""
    await desk.ra.add_manager(MANAGERS["ada"], OPERATOR)
    assert await desk.ra.first_link(OPERATOR) is None
    await desk.store.database.apply(Change(must("UPDATE managers SET disabled = 1")), {})
    assert await desk.ra.first_link(OPERATOR) is not None


async def test_a_first_link_may_be_for_one_address(desk: TestDesk) -> None:
    """Then whoever follows it cannot choose another one."""
    link = await first_link(desk, "ada@operator.example")
    async with browser(make_console(desk)) as it:
        assert await follow(it, link, name="Ada", email="mallory@operator.example") == 303
        assert "ada@operator.example" in words(await it.get("/account"))
    assert await desk.store.organisations.manager("mallory@operator.example") is None


async def test_an_invitation_signs_in_once_and_only_its_manager(desk: TestDesk) -> None:
    """The page says whom it is for; after the form it is dead."""
    link = await desk.ra.invite(CLAIRE, OPERATOR)
    async with browser(make_console(desk)) as claire:
        page = words(await claire.get(address(link)))
        assert "Claire Petit" in page
        assert "operator:test" in page
        assert await follow(claire, link) == 303
        assert "You came by a link that does not work again" in words(await claire.get("/account"))
        assert await follow(claire, link) == 404


async def test_a_link_expires(desk: TestDesk) -> None:
    """A week later an invitation is dead, a day later a first link; a month later the record is gone."""
    invitation, first = await desk.ra.invite(CLAIRE, OPERATOR), await first_link(desk)
    async with browser(make_console(desk)) as it:
        desk.time.now += LINK_LIFETIME[LinkPurpose.FIRST_ADMINISTRATOR]
        assert (await it.get(address(first))).status_code == 404
        assert (await it.get(address(invitation))).status_code == 200
        desk.time.now += LINK_LIFETIME[LinkPurpose.INVITATION]
        assert await follow(it, invitation) == 404
    assert not await desk.ra.forget_links()
    desk.time.now += 40 * 86_400_000
    assert await desk.ra.forget_links()


async def test_of_several_links_one_works(desk: TestDesk) -> None:
    """Handed over on paper and by mail, the first to be followed is the last; none is of use to who is disabled."""
    paper, mail = await desk.ra.invite(CLAIRE, OPERATOR), await desk.ra.link_for(CLAIRE.email, OPERATOR)
    other = await desk.ra.invite(MANAGERS["paul"], OPERATOR)
    async with browser(make_console(desk)) as it:
        assert (await it.get(address(paper))).status_code == 200
        assert await follow(it, mail) == 303
        assert await follow(it, paper) == 404
        assert (await it.get(address(other))).status_code == 200
    later = await desk.ra.link_for(CLAIRE.email, OPERATOR)
    async with browser(make_console(desk)) as it:
        assert (await it.get(address(later))).status_code == 200
        await desk.ra.disable_manager(CLAIRE.email, OPERATOR)
        assert (await it.get(address(later))).status_code == 404
        with pytest.raises(CertdeskError) as refused:
            await desk.ra.link_for(CLAIRE.email, OPERATOR)
        assert refused.value.kind is ErrorKind.CONFLICT
        await desk.ra.enable_manager(CLAIRE.email, OPERATOR)
        assert (await it.get(address(later))).status_code == 404


@pytest.mark.parametrize("token", ["", "x", "é" * 43, "A" * 43, "A" * 900, "<script>", "A" * 42 + "\u202e"])
async def test_a_damaged_link_is_a_dead_link(desk: TestDesk, token: str) -> None:
    """Whatever stands in its place, the answer is a page that says so, and no error of ours."""
    async with browser(make_console(desk)) as it:
        posted = await it.post("/link", token=token)
        assert posted.status_code == 404
        if token.isprintable():
            response = await it.client.get("/link", params={"token": token})
            assert response.status_code == 404
            assert "does not work any more" in words(response)


async def test_the_desk_keeps_no_link(desk: TestDesk) -> None:
    """What stands in the database is the SHA-256 of the token, and the log has neither."""
    link = await desk.ra.invite(CLAIRE, OPERATOR)
    row = await desk.store.database.row("SELECT token_sha256 FROM links", {})
    assert row is not None
    assert row[0] == sha256(link.token)
    log = repr([sealed.event for sealed in await desk.store.events.after("", 1000)])
    assert address(link).partition("token=")[2] not in log


async def test_a_taken_address_is_refused_in_any_case(desk: TestDesk) -> None:
    """Nobody is registered twice, as claire@ and Claire@; the link is not used up by trying."""
    await desk.ra.invite(CLAIRE, OPERATOR)
    with pytest.raises(CertdeskError) as refused:
        await desk.ra.invite(Manager("Claire@poste.example", "C", Role.AUDITOR, "FRA1"), OPERATOR)
    assert refused.value.kind is ErrorKind.CONFLICT
    link = await first_link(desk)
    async with browser(make_console(desk)) as it:
        assert await follow(it, link, name="C", email=CLAIRE.email) == 409
        assert await follow(it, link, name="A", email="ada@operator.example") == 303


async def test_following_a_link_ends_the_session_that_was_there(desk: TestDesk) -> None:
    """One browser, one session: who was signed in before is not afterwards, and the token is a new one."""
    async with signed_in(desk, "ada") as it:
        before = it.client.cookies[SESSION_COOKIE]
        assert await follow(it, await desk.ra.invite(CLAIRE, OPERATOR)) == 303
        assert it.client.cookies[SESSION_COOKIE] != before
        assert "Claire Petit" in words(await it.get("/account"))
        it.client.cookies.set(SESSION_COOKIE, before, domain="desk.example")
        assert (await it.get("/account")).status_code == 303


async def test_strangers_may_try_only_so_often(desk: TestDesk) -> None:
    """Guessing is limited as it is for certificates."""
    app = make_console(desk, public_calls_per_minute=1, public_calls_at_once=2)
    async with browser(app) as it:
        statuses = [(await it.get("/link?token=x")).status_code for _ in range(3)]
    assert statuses == [404, 404, 429]


async def test_a_link_by_the_operator_is_for_whoever_is_there(desk: TestDesk) -> None:
    """For a manager it is theirs, without an administrator it makes one, and else there is nobody."""
    first = await desk.ra.link_by_operator("ada@operator.example", OPERATOR)
    async with browser(make_console(desk)) as it:
        assert await follow(it, first, name="Ada") == 303
    again = await desk.ra.link_by_operator(" ada@OPERATOR.example", OPERATOR)
    async with browser(make_console(desk)) as it:
        assert await follow(it, again) == 303
    with pytest.raises(CertdeskError) as refused:
        await desk.ra.link_by_operator("nobody@operator.example", OPERATOR)
    assert refused.value.kind is ErrorKind.NOT_FOUND


async def test_a_link_of_the_operator_gives_a_certificate(desk: TestDesk) -> None:
    """The operator who made the link vouches for the first administrator, and stands in the log as who decided."""
    async with browser(make_console(desk)) as ada:
        await follow(ada, await first_link(desk), name="Ada", email="ada@operator.example")
        once = re.search(r'name="once" value="(\w+)"', (await ada.get("/account")).text)
        assert once
        made = await ada.post("/account/certificate", once=once[1])
        assert made.status_code == 200
        assert "data:application/x-pkcs12;base64," in made.text
        assert "no-store" in made.headers["cache-control"]
        again = await ada.post("/account/certificate", once=once[1])
        assert again.status_code == 409
        assert "You came by a link" not in words(await ada.get("/account"))
    certificates = await desk.store.managers.certificates("ada@operator.example", 9)
    assert len(certificates) == 1
    events = [sealed.event for sealed in await desk.store.events.of_subject(certificates[0].request_id)]
    approved = next(event for event in events if event.action == "request.approved")
    assert (approved.actor, approved.source) == (OPERATOR.name, "one-time link")


async def test_a_mailed_link_is_in_the_name_of_whoever_invited(desk: TestDesk) -> None:
    """So it gives a certificate as the link on paper does; nobody is mailed a link who was not invited."""
    await desk.ra.add_manager(MANAGERS["ada"], OPERATOR)
    await desk.ra.invite(CLAIRE, await administrator(desk))
    link = await desk.ra.link_by_mail(CLAIRE.email)
    async with browser(make_console(desk)) as claire:
        assert "ada@operator.example" in words(await claire.get(address(link)))
        await follow(claire, link)
        assert "Make a certificate" in words(await claire.get("/account"))
    event = [sealed.event for sealed in await desk.store.events.of_subject(CLAIRE.email)][-2]
    assert (event.action, event.actor, event.source) == ("link.made", "ada@operator.example", "mail")
    with pytest.raises(CertdeskError) as refused:
        await desk.ra.link_by_mail("ada@operator.example")
    assert refused.value.kind is ErrorKind.NOT_FOUND


async def test_a_voucher_who_was_disabled_vouches_for_nobody(desk: TestDesk) -> None:
    """Then the invited manager asks somebody else for a certificate."""
    await desk.ra.add_manager(MANAGERS["ada"], OPERATOR)
    link = await desk.ra.invite(CLAIRE, await administrator(desk))
    async with browser(make_console(desk)) as claire:
        await follow(claire, link)
        once = re.search(r'name="once" value="(\w+)"', (await claire.get("/account")).text)
        assert once
        await desk.ra.add_manager(Manager("eve@operator.example", "Eve", Role.ADMINISTRATOR, ""), OPERATOR)
        await desk.ra.disable_manager("ada@operator.example", OPERATOR)
        refused = await claire.post("/account/certificate", once=once[1])
        assert refused.status_code == 403
        assert "Make a certificate" not in words(refused)
