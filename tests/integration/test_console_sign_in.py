"""Signing in to the console: who gets a session, and what ends it."""

from datetime import UTC, datetime

from certdesk.console.session import SESSION_COOKIE
from certdesk.domain.clock import MINUTE
from certdesk.domain.enrollment import Kind
from certdesk.domain.sessions import IDLE, LONGEST_SESSION
from certdesk.domain.states import RevocationReason
from tests.desks import ADMINISTRATOR, OPERATOR, TestDesk, make_submission
from tests.integration.console_calls import (
    MANAGERS,
    URL,
    browser,
    certificate_of,
    make_console,
    signed_in,
    words,
)


async def test_a_stranger_is_led_to_the_sign_in_page_and_back(desk: TestDesk) -> None:
    """The address that was wanted is opened after the sign-in."""
    app = make_console(desk)
    async with browser(app, await certificate_of(desk, "claire")) as claire:
        away = await claire.get("/requests?state=requested")
        assert (away.status_code, away.headers["location"]) == (
            303,
            "/sign-in?next=%2Frequests%3Fstate%3Drequested",
        )
        page = await claire.get(away.headers["location"])
        assert 'value="/requests?state=requested"' in page.text
        back = await claire.post("/sign-in/certificate", next="/requests?state=requested")
        assert back.headers["location"] == "/requests?state=requested"
        assert (await claire.get("/requests?state=requested")).status_code == 200


async def test_the_page_names_the_certificate_that_the_browser_shows(desk: TestDesk) -> None:
    """Name, address, expiry and serial number are those of the certificate."""
    async with browser(make_console(desk), await certificate_of(desk, "claire")) as claire:
        text = words(await claire.get("/sign-in"))
    for expected in ("Claire Petit", "claire@poste.example", "Sign in with this certificate"):
        assert expected in text


async def test_without_a_certificate_the_page_says_what_to_do(desk: TestDesk) -> None:
    """Nothing is offered, and trying it says so with 401."""
    async with browser(make_console(desk)) as nobody:
        assert "Close all windows of the browser" in words(await nobody.get("/sign-in"))
        refused = await nobody.post("/sign-in/certificate", next="/")
        assert refused.status_code == 401
        assert "shown no certificate" in words(refused)
        assert "set-cookie" not in refused.headers


async def test_a_device_cannot_sign_in(desk: TestDesk) -> None:
    """A certificate of another kind opens no session, although the desk issued it."""
    request, _ = await desk.ra.submit(make_submission(kind=Kind.WORKSTATION), source="")
    enrollment = await desk.ra.approve(request.id, ADMINISTRATOR)
    assert enrollment.certificate is not None
    async with browser(make_console(desk), enrollment.certificate.der) as device:
        refused = await device.post("/sign-in/certificate", next="/")
        assert refused.status_code == 401
        assert "not, or no longer, a manager's" in words(refused)


async def test_the_session_cookie_is_held_tightly(desk: TestDesk) -> None:
    """The cookie is the host's own, over TLS only, out of scripts' reach, and not sent along by other sites' forms."""
    async with browser(make_console(desk), await certificate_of(desk, "claire")) as claire:
        cookie = (await claire.post("/sign-in/certificate", next="/")).headers["set-cookie"]
    assert cookie.startswith(f"{SESSION_COOKIE}=")
    for attribute in ("Path=/", "Secure", "HttpOnly", "SameSite=Lax"):
        assert attribute in cookie.split("; ")
    assert "Domain" not in cookie


async def test_the_database_has_no_token(desk: TestDesk) -> None:
    """Whoever reads the database cannot take a session over: only the token's hash is kept."""
    async with signed_in(desk, "claire") as claire:
        token = claire.client.cookies[SESSION_COOKIE]
        rows = await desk.store.database.rows("SELECT token_sha256 FROM sessions", {})
        assert len(rows) == 1
        assert token.encode() not in bytes(rows[0][0])


async def test_a_session_cannot_be_fixed_beforehand(desk: TestDesk) -> None:
    """A token that was planted in the browser is not the one that the sign-in gives, nor does it work."""
    planted = "A" * 43
    async with browser(make_console(desk), await certificate_of(desk, "claire")) as claire:
        claire.client.cookies.set(SESSION_COOKIE, planted, domain="desk.example")
        await claire.post("/sign-in/certificate", next="/")
        given = [cookie.value for cookie in claire.client.cookies.jar if cookie.name == SESSION_COOKIE]
        assert any(value != planted for value in given)
        claire.client.cookies.clear()
        claire.client.cookies.set(SESSION_COOKIE, planted, domain="desk.example")
        assert (await claire.get("/")).status_code == 303


async def test_signing_in_again_ends_the_earlier_session(desk: TestDesk) -> None:
    """One browser has one session."""
    async with signed_in(desk, "claire") as claire:
        await claire.post("/sign-in/certificate", next="/")
        rows = await desk.store.database.rows("SELECT count(*) FROM sessions", {})
        assert rows[0][0] == 1


async def test_no_open_redirect(desk: TestDesk) -> None:
    """After the sign-in one is at the desk, whatever the address asked for."""
    for foreign in ("//evil.example", "https://evil.example/", "/\\evil.example", "/\tevil", "javascript:alert(1)"):
        async with browser(make_console(desk), await certificate_of(desk, "claire")) as claire:
            assert (await claire.post("/sign-in/certificate", next=foreign)).headers["location"] == "/"


async def test_signing_out_ends_the_session_at_the_desk(desk: TestDesk) -> None:
    """The token is worth nothing afterwards, even if the browser kept it."""
    async with signed_in(desk, "claire") as claire:
        token = claire.client.cookies[SESSION_COOKIE]
        assert (await claire.post("/sign-out")).headers["location"] == "/sign-in?notice=signed-out"
        claire.client.cookies.set(SESSION_COOKIE, token, domain="desk.example")
        assert (await claire.get("/")).status_code == 303


async def test_a_revoked_certificate_ends_the_session_at_once(desk: TestDesk) -> None:
    """The next request is a stranger's."""
    certificate = await certificate_of(desk, "claire")
    async with browser(make_console(desk), certificate) as claire:
        await claire.sign_in()
        row = await desk.store.database.row(
            "SELECT serial_number FROM certificates WHERE der = :der", {"der": certificate}
        )
        assert row is not None
        await desk.ra.revoke(row[0], ADMINISTRATOR, RevocationReason.KEY_COMPROMISE)
        assert (await claire.get("/")).status_code == 303


async def test_a_disabled_manager_loses_the_session_at_once(desk: TestDesk) -> None:
    """The next request is a stranger's."""
    from certdesk.store.database import Change, must  # noqa: PLC0415 - only here: there is no use case yet

    async with signed_in(desk, "claire") as claire:
        await desk.store.database.apply(
            Change(must("UPDATE managers SET disabled = 1 WHERE email = :email")), {"email": "claire@poste.example"}
        )
        assert (await claire.get("/")).status_code == 303


async def test_an_idle_session_ends(desk: TestDesk) -> None:
    """After half an hour without a request there is no session; a request in between begins the half hour anew."""
    async with signed_in(desk, "claire") as claire:
        desk.time.now += IDLE - MINUTE
        assert (await claire.get("/")).status_code == 200
        desk.time.now += IDLE - MINUTE
        assert (await claire.get("/")).status_code == 200
        desk.time.now += IDLE
        assert (await claire.get("/")).status_code == 303


async def test_a_page_that_refreshes_itself_keeps_no_session_alive(desk: TestDesk) -> None:
    """An open list at an empty desk does not count as work."""
    async with signed_in(desk, "claire") as claire:
        desk.time.now += IDLE - MINUTE
        assert (await claire.get("/requests/list")).status_code == 200
        desk.time.now += MINUTE
        assert (await claire.get("/requests/list", {"hx-request": "true"})).status_code == 401


async def test_a_session_ends_however_busy_it_is(desk: TestDesk) -> None:
    """After ten hours everybody signs in again."""
    async with signed_in(desk, "claire") as claire:
        end = desk.time.now + LONGEST_SESSION
        while desk.time.now + 20 * MINUTE < end:
            desk.time.now += 20 * MINUTE
            assert (await claire.get("/")).status_code == 200
        desk.time.now = end
        assert (await claire.get("/")).status_code == 303


async def test_sessions_that_are_over_are_forgotten(desk: TestDesk) -> None:
    """The job removes them."""
    async with signed_in(desk, "claire"):
        desk.time.now += LONGEST_SESSION
        await desk.ra.forget_sessions()
        rows = await desk.store.database.rows("SELECT count(*) FROM sessions", {})
        assert rows[0][0] == 0


async def test_signing_in_and_out_stands_in_the_audit_log(desk: TestDesk) -> None:
    """Who, how and from where."""
    async with signed_in(desk, "claire") as claire:
        await claire.post("/sign-out")
    events = [sealed.event for sealed in await desk.store.events.of_subject(MANAGERS["claire"].email)]
    found = [(event.action, event.actor, event.source) for event in events if event.action.startswith("session")]
    assert found == [
        ("session.opened", "claire@poste.example", "192.0.2.9"),
        ("session.closed", "claire@poste.example", "192.0.2.9"),
    ]


async def test_a_form_of_another_site_is_refused(desk: TestDesk) -> None:
    """Without our origin, or without the session's token, nothing changes."""
    async with signed_in(desk, "claire") as claire:
        token = claire.token
        for origin in ("https://evil.example", "null", "", f"{URL}.evil.example", "http://desk.example:8080"):
            headers = {"origin": origin} if origin else {}
            response = await claire.client.post("/sign-out", data={"csrf": token}, headers=headers)
            assert response.status_code == 403, origin
        for wrong in ("", "x" * 43, token[:-1]):
            claire.token = wrong
            assert (await claire.post("/sign-out")).status_code == 403
        assert (await claire.get("/")).status_code == 200


async def test_strangers_who_try_too_often_have_to_wait(desk: TestDesk) -> None:
    """Guessing is limited by address."""
    app = make_console(desk, public_calls_per_minute=60, public_calls_at_once=3)
    async with browser(app) as nobody:
        statuses = [(await nobody.post("/sign-in/certificate", next="/")).status_code for _ in range(4)]
    assert statuses == [401, 401, 401, 429]


async def test_language_and_look_follow_the_browser_until_chosen(desk: TestDesk) -> None:
    """The choice is kept with the manager, and comes back with the next session."""
    certificate = await certificate_of(desk, "claire")
    app = make_console(desk)
    async with browser(app, certificate, language="fr-FR,fr;q=0.9") as claire:
        assert '<html lang="fr"' in (await claire.get("/sign-in")).text
        await claire.sign_in()
        assert (await claire.post("/look", language="en", next="/requests")).headers["location"] == "/requests"
        assert (await claire.post("/look", theme="dark", next="//evil.example")).headers["location"] == "/"
    async with browser(app, certificate, language="fr") as claire:
        await claire.sign_in()
        page = (await claire.get("/")).text
        assert '<html lang="en"' in page
        assert 'data-theme="dark"' in page


async def test_a_look_is_chosen_without_a_language(desk: TestDesk) -> None:
    """Whoever takes the dark theme still has the browser's language, today and on another browser."""
    certificate = await certificate_of(desk, "claire")
    app = make_console(desk)
    async with browser(app, certificate, language="fr") as claire:
        await claire.sign_in()
        await claire.post("/look", theme="dark", next="/")
        assert '<html lang="fr"' in (await claire.get("/")).text
    async with browser(app, certificate, language="en") as claire:
        await claire.sign_in()
        page = (await claire.get("/")).text
        assert '<html lang="en"' in page
        assert 'data-theme="dark"' in page


async def test_a_stranger_may_choose_the_language_too(desk: TestDesk) -> None:
    """The browser remembers it; a language that the desk does not have is refused."""
    async with browser(make_console(desk)) as nobody:
        await nobody.post("/look", language="fr", next="/sign-in")
        assert '<html lang="fr"' in (await nobody.get("/sign-in")).text
        assert (await nobody.post("/look", language="tlh", next="/sign-in")).status_code == 422


async def test_a_new_certificate_of_the_same_manager_works(desk: TestDesk) -> None:
    """An administrator issues another one, and both are the same person."""
    await certificate_of(desk, "claire")
    identity = await desk.ra.add_manager(MANAGERS["claire"], OPERATOR)
    assert datetime.fromtimestamp(identity.certificate.not_after / 1000, UTC).year >= 2027
    async with browser(make_console(desk), identity.certificate.der) as claire:
        await claire.sign_in()
        assert "Claire Petit" in words(await claire.get("/"))
