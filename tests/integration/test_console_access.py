"""Who may what: every address of the console, for every role and for a stranger, against one table."""

import re

import pytest
import structlog

from certdesk.console.app import Console
from certdesk.console.routing import Route
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.doors.settings import HTTPSettings
from tests.desks import SOURCE, TestDesk, make_submission
from tests.integration.console_calls import URL, Browser, browser, certificate_of, make_console, signed_in, words

EVERYONE = {"stranger", "claire", "ada", "otto", "odile"}
SIGNED_IN = EVERYONE - {"stranger"}
DECIDERS = {"claire", "ada"}
AUDITORS = {"ada", "otto", "odile"}
OVERSEERS = {"ada", "otto"}
ADMINISTRATORS = {"ada"}

ALLOWED: dict[str, set[str]] = {
    "GET /static/{name:path}": EVERYONE,
    "GET /sign-in": EVERYONE,
    "POST /sign-in/certificate": EVERYONE,
    "POST /sign-out": SIGNED_IN,
    "POST /look": EVERYONE,
    "GET /": SIGNED_IN,
    "GET /requests": SIGNED_IN,
    "GET /requests/list": SIGNED_IN,
    "GET /requests/export.csv": SIGNED_IN,
    "GET /requests/{request_id}": SIGNED_IN,
    "POST /requests/{request_id}/approve": DECIDERS,
    "POST /requests/{request_id}/reject": DECIDERS,
    "POST /requests/confirm": DECIDERS,
    "POST /requests/decide": DECIDERS,
    "GET /certificates": SIGNED_IN,
    "GET /certificates/export.csv": SIGNED_IN,
    "GET /certificates/{serial_number}": SIGNED_IN,
    "GET /certificates/{serial_number}/{file}": SIGNED_IN,
    "GET /certificates/{serial_number}/revoke": DECIDERS,
    "POST /certificates/{serial_number}/revoke": DECIDERS,
    "GET /codes": SIGNED_IN,
    "GET /codes/add": DECIDERS,
    "POST /codes/add": DECIDERS,
    "GET /codes/{code_id}/withdraw": DECIDERS,
    "POST /codes/{code_id}/withdraw": DECIDERS,
    "POST /sign-in/passkey/options": EVERYONE,
    "POST /sign-in/passkey": EVERYONE,
    "GET /link": EVERYONE,
    "POST /link": EVERYONE,
    "GET /account": SIGNED_IN,
    "POST /account/passkeys/options": SIGNED_IN,
    "POST /account/passkeys": SIGNED_IN,
    "POST /account/passkeys/rename": SIGNED_IN,
    "POST /account/passkeys/remove": SIGNED_IN,
    "POST /account/sessions/end": SIGNED_IN,
    "POST /account/sessions/end-others": SIGNED_IN,
    "POST /account/notices": SIGNED_IN,
    "POST /account/certificate": SIGNED_IN,
    "POST /account/csr": SIGNED_IN,
    "GET /managers": OVERSEERS,
    "GET /managers/{email}": OVERSEERS,
    "GET /managers/invite": ADMINISTRATORS,
    "POST /managers/invite": ADMINISTRATORS,
    "POST /managers/{email}/edit": ADMINISTRATORS,
    "POST /managers/{email}/link": ADMINISTRATORS,
    "POST /managers/{email}/certificate": ADMINISTRATORS,
    "POST /managers/{email}/csr": ADMINISTRATORS,
    "POST /managers/{email}/disable": ADMINISTRATORS,
    "POST /managers/{email}/enable": ADMINISTRATORS,
    "POST /managers/{email}/sessions/end": ADMINISTRATORS,
    "GET /organisations": OVERSEERS,
    "GET /organisations/add": ADMINISTRATORS,
    "POST /organisations/add": ADMINISTRATORS,
    "GET /organisations/{code}": OVERSEERS,
    "GET /organisations/{code}/edit": ADMINISTRATORS,
    "POST /organisations/{code}/edit": ADMINISTRATORS,
    "GET /organisations/{code}/publication": OVERSEERS,
    "POST /organisations/{code}/publication/words": ADMINISTRATORS,
    "POST /organisations/{code}/publication/files": ADMINISTRATORS,
    "POST /organisations/{code}/publication/files/{name}/remove": ADMINISTRATORS,
    "GET /publish/{code}": EVERYONE,
    "GET /publish/{code}/files/{name}": EVERYONE,
    "GET /authority": OVERSEERS,
    "GET /authority/{file}": OVERSEERS,
    "GET /audit": AUDITORS,
    "GET /audit/state": AUDITORS,
    "GET /audit/export.csv": AUDITORS,
    "POST /audit/verify": OVERSEERS,
}
"""For every address: claire decides for FRA1, ada administers, otto audits all and odile FRA1."""


def routes_of(desk: TestDesk) -> tuple[Route, ...]:
    """Return the console's routes."""
    settings = HTTPSettings(log=None)  # type: ignore[arg-type] # nothing is logged here
    return Console(desk.ra, chain_pem=desk.ca.chain_pem, desk_url=URL, settings=settings, clock=desk.time).routes


def name_of(route: Route) -> str:
    """Return how the table names a route."""
    return f"{route.method} {route.path}"


def address_of(route: Route) -> str:
    """Return an address of a route, of things that do not exist."""
    values = {"request_id": "FRA1-7GQ4-2KXM", "serial_number": "7f" * 16, "name": "certdesk.css"}
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda match: values.get(match[1], "x"), route.path)


async def is_let_in(browser: Browser, route: Route) -> bool:
    """Tell whether a route's page was asked, whatever it said."""
    browser_token = browser.token
    if route.method == "GET":
        response = await browser.get(address_of(route))
    else:
        response = await browser.post(address_of(route))
    browser.token = browser_token
    if response.status_code == 303 and re.fullmatch(r"/sign-in(\?next=.*)?", response.headers["location"]):
        return False
    if response.status_code in {401, 403}:
        return not re.search("not open to your role|you are not signed in|You are not signed in", words(response))
    return True


async def test_the_table_names_every_route(desk: TestDesk) -> None:
    """No address is without its line, and no line without its address."""
    assert {name_of(route) for route in routes_of(desk)} == ALLOWED.keys()


@pytest.mark.parametrize("who", sorted(EVERYONE))
async def test_a_role_may_what_the_table_says(desk: TestDesk, who: str) -> None:
    """Every route lets in, or turns away, as the table says."""
    app = make_console(desk)
    certificate = None if who == "stranger" else await certificate_of(desk, who)
    let_in = set()
    for route in routes_of(desk):
        async with browser(app, certificate) as it:
            if certificate:
                await it.sign_in()
            if await is_let_in(it, route):
                let_in.add(name_of(route))
    assert let_in == {name for name, allowed in ALLOWED.items() if who in allowed}


async def test_every_answer_has_the_security_headers(desk: TestDesk) -> None:
    """Pages, redirects, refusals and files are all held to the same policy."""
    async with browser(make_console(desk)) as it:
        for address in ("/sign-in", "/", "/nowhere", "/static/certdesk.css", "/sign-in?x=%00", "/sign-in/certificate"):
            headers = (await it.get(address)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-frame-options"] == "DENY"
            assert headers["referrer-policy"] == "same-origin"
            assert "camera=()" in headers["permissions-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["strict-transport-security"].startswith("max-age=")


async def test_pages_keep_to_the_policy(desk: TestDesk) -> None:
    """No page has a script, a style or an event handler of its own, or asks another host for anything."""
    certificate = await certificate_of(desk, "ada")
    async with browser(make_console(desk), certificate) as ada:
        await ada.sign_in()
        for address in ("/", "/requests", "/certificates", "/nowhere"):
            html = (await ada.get(address)).text
            assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:", html)
            assert not re.search(r'(?:src|href|action)="(?!/|#|tel:|\?)', html)


async def test_what_is_not_there_is_a_page_too(desk: TestDesk) -> None:
    """An address that leads nowhere answers 404 with a way back."""
    async with browser(make_console(desk)) as it:
        response = await it.get("/nowhere")
        assert response.status_code == 404
        assert "There is nothing at this address" in words(response)


async def test_an_address_for_forms_says_so(desk: TestDesk) -> None:
    """Whoever opens it by hand gets a page, with 405."""
    async with browser(make_console(desk)) as it:
        response = await it.get("/requests/decide")
    assert response.status_code == 405
    assert "POST" in response.headers["allow"]
    assert "takes forms only" in words(response)


async def test_a_defect_is_a_page_and_a_line_in_the_log(desk: TestDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The manager reads that it is not their fault, the operator finds why."""

    async def broken(*_arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(desk.ra, "overview", broken)
    app = make_console(desk)
    async with browser(app, await certificate_of(desk, "claire")) as claire:
        await claire.post("/sign-in/certificate", next="/")
        with structlog.testing.capture_logs() as logged:
            response = await claire.get("/")
    assert response.status_code == 500
    assert "The desk cannot do this; its operator finds the reason in the log." in words(response)
    assert "ZeroDivision" not in response.text
    assert [(line["event"], line["route"]) for line in logged] == [("request failed", "/")]


async def test_a_failure_is_for_the_operator_to_read(desk: TestDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page, a page's script and a line of many decisions tell the manager to try again, and the log why."""
    error = CertdeskError(ErrorKind.UNAVAILABLE, "no space left on /var/lib/certdesk")

    async def fail(*_arguments: object) -> None:
        raise error

    request, _ = await desk.ra.submit(make_submission(), source=SOURCE)
    async with signed_in(desk, "claire") as claire:
        for name in ("overview", "offer_passkey", "approve"):
            monkeypatch.setattr(desk.ra, name, fail)
        with structlog.testing.capture_logs() as logged:
            for answer in (
                await claire.get("/"),
                await claire.post("/account/passkeys/options"),
                await claire.post("/requests/decide", id=request.id, action="approve"),
            ):
                assert "nothing was changed, try again later" in answer.text
                assert "/var/lib" not in answer.text
    routes = ["/", "/account/passkeys/options", "/requests/decide"]
    assert [(line["route"], line["exc_info"]) for line in logged] == [(route, error) for route in routes]


async def test_pages_are_compressed_but_not_for_other_sites(desk: TestDesk) -> None:
    """The size of a page that another site made the browser fetch tells that site nothing (BREACH)."""
    async with browser(make_console(desk)) as it:
        own = await it.get("/sign-in", {"sec-fetch-site": "same-origin", "accept-encoding": "gzip"})
        foreign = await it.get("/sign-in", {"sec-fetch-site": "cross-site", "accept-encoding": "gzip"})
    assert own.headers.get("content-encoding") == "gzip"
    assert "content-encoding" not in foreign.headers


async def test_files_are_kept_for_good_under_their_version(desk: TestDesk) -> None:
    """An address with the present version never changes; the bare one is asked for again."""
    async with browser(make_console(desk)) as it:
        page = (await it.get("/sign-in")).text
        address = re.search(r'href="(/static/certdesk\.css\?v=\w+)"', page)
        assert address
        response = await it.get(address[1], {"accept-encoding": "gzip"})
        assert "immutable" in response.headers["cache-control"]
        assert response.headers["content-encoding"] == "gzip"
        bare = await it.get("/static/certdesk.css")
        assert bare.headers["cache-control"] == "no-cache"
        again = await it.get("/static/certdesk.css", {"if-none-match": bare.headers["etag"]})
        assert again.status_code == 304
        for outside in (
            "/static/../app.py",
            "/static/%2e%2e/app.py",
            "/static/vendor/README.md",
            "/static/nothing.css",
        ):
            assert (await it.get(outside)).status_code == 404


async def test_a_first_visit_weighs_little(desk: TestDesk) -> None:
    """A page and all that it asks for is less than 150 kB on the wire."""
    certificate = await certificate_of(desk, "claire")
    async with browser(make_console(desk), certificate) as claire:
        await claire.sign_in()
        weight = 0
        addresses = ["/", *re.findall(r'(?:src|href)="(/static/[^"]+)"', (await claire.get("/")).text)]
        for address in addresses:
            async with claire.client.stream("GET", address, headers={"accept-encoding": "gzip"}) as response:
                weight += len(b"".join([chunk async for chunk in response.aiter_raw()]))
    assert weight < 60_000
