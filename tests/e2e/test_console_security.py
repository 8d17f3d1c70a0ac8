"""The console as the whole server serves it, from outside: its headers, who is let in, and what forged forms get.

Everything is asked of the one running desk that other tests use too: no request here changes anything.
"""

import re
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from urllib.parse import quote

import httpx
import pytest
from playwright.async_api import Browser

from tests.e2e.browser import visitor
from tests.e2e.console_pages import SESSION_COOKIE, ConsoleDesk
from tests.integration.test_console_access import ALLOWED, EVERYONE

TURNED_AWAY = re.compile(r"This page is not open to your role|You are not signed in, or your session has ended")
FORGED = "This form does not come from a page of your session"
MULTIPART = {"POST /account/csr", "POST /managers/{email}/csr", "POST /organisations/{code}/publication/files"}
"""Routes that read their form piece by piece."""
FOREIGN = ("https://evil.example", "https://localhost.evil.example", "http://127.0.0.1:1", "null", "", "https://")
_TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


@pytest.fixture(scope="module")
def visitors(console: ConsoleDesk) -> Iterator[dict[str, httpx.Client]]:
    """Return a browser without scripts for every role, and for a stranger, under the names of the table."""
    clients = {who: console.client("" if who == "stranger" else who) for who in sorted(EVERYONE)}
    yield clients
    for client in clients.values():
        client.close()


def address_of(route: str, console: ConsoleDesk) -> str:
    """Return an address of a route; of things that exist where there are any, so that a page answers."""
    things = console.things
    values = {
        "request_id": things["waiting"],
        "serial_number": things["certificate"],
        "code_id": things["code"],
        "code": "FRA1",
        "email": "paul@managers.example",
        "name": "certdesk.css" if "/static/" in route else "Enroll.apk",
        "file": "root.pem" if "/authority/" in route else "certificate.pem",
    }
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda match: values[match[1]], route.partition(" ")[2])


def check_headers(answer: httpx.Response) -> None:
    """Fail unless an answer holds the browser to the console's policy, and caches to theirs."""
    where = f"{answer.request.method} {answer.request.url} {answer.status_code}"
    headers = answer.headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'", where
    assert (policy["script-src"], policy["style-src"], policy["form-action"]) == ("'self'", "'self'", "'self'"), where
    assert (policy["frame-ancestors"], policy["base-uri"]) == ("'none'", "'none'"), where
    assert "unsafe" not in headers["content-security-policy"], where
    assert re.fullmatch(r"max-age=\d{8,}(; includeSubDomains)?", headers["strict-transport-security"]), where
    assert headers["x-frame-options"] == "DENY", where
    assert headers["x-content-type-options"] == "nosniff", where
    assert headers["referrer-policy"] == "same-origin", where
    assert {"camera=()", "microphone=()", "geolocation=()"} <= set(headers["permissions-policy"].split(", ")), where
    assert headers["cross-origin-opener-policy"] == "same-origin", where
    assert headers["cross-origin-resource-policy"] == "same-origin", where
    assert "access-control-allow-origin" not in headers, where
    is_public = re.search("/static/|/publish/[^/]*/files/", answer.request.url.path)
    assert is_public or headers["cache-control"] == "no-store", where


def is_let_in(answer: httpx.Response) -> bool:
    """Tell whether a page was reached, whatever it said."""
    if answer.is_redirect and re.fullmatch(r"/sign-in(\?next=.*)?", answer.headers["location"]):
        return False
    return not (answer.status_code in {401, 403} and TURNED_AWAY.search(answer.text))


@pytest.mark.parametrize("who", sorted(EVERYONE))
def test_every_role_gets_where_the_table_says(
    console: ConsoleDesk, visitors: dict[str, httpx.Client], who: str
) -> None:
    """And every answer that it meets on its way has the security headers, whether a page, a file or a refusal.

    Forms are sent without the session's token: whoever is let in is told that, and nothing happens.
    """
    let_in = set()
    for route in ALLOWED:
        method, address = route.split(" ")[0], address_of(route, console)
        answer = visitors[who].request(method, address)
        check_headers(answer)
        if is_let_in(answer):
            let_in.add(route)
            assert method == "GET" or who == "stranger" or FORGED in answer.text or answer.status_code == 400, route
    assert let_in == {route for route, allowed in ALLOWED.items() if who in allowed}


@pytest.mark.parametrize("who", ["stranger", "claire"])
def test_refusals_of_http_have_the_headers_too(visitors: dict[str, httpx.Client], who: str) -> None:
    """What is not there, wrong methods, what cannot be read, parts of files, and what has not changed."""
    client = visitors[who]
    static, file = client.get("/static/certdesk.css"), client.get("/publish/FRA1/files/Enroll.apk")
    asked: list[tuple[str, str, dict[str, str], set[int]]] = [
        ("GET", "/nowhere", {}, {404}),
        ("GET", "/%ff%00", {}, {404}),
        ("GET", "/requests/%00%ff", {}, {303} if who == "stranger" else {400, 404}),
        ("GET", "/publish/%E2%80%AE/files/%2e%2e%2fx", {}, {404}),
        ("GET", "/static/nothing.css", {}, {404}),
        ("GET", "/static/%2e%2e/app.py", {}, {404}),
        ("GET", "/publish/NONE1", {}, {404}),
        ("GET", "/publish/FRA1/files/nothing.apk", {}, {404}),
        ("GET", "/publish/fra1", {}, {303}),
        ("GET", "/sign-in?x=%00", {}, {400}),
        ("GET", "/sign-in?" + "&".join("x=1" for _ in range(50)), {}, {400}),
        ("HEAD", "/sign-in", {}, {200, 303}),
        ("GET", "/requests/decide", {}, {405}),
        ("POST", "/sign-in", {}, {405}),
        ("PUT", "/sign-in", {}, {405}),
        ("DELETE", "/requests", {}, {405}),
        ("PATCH", "/static/certdesk.css", {}, {405}),
        ("PROPFIND", "/requests", {}, {405, 400, 501}),
        ("GET", "/static/certdesk.css", {"if-none-match": static.headers["etag"]}, {304}),
        ("GET", "/publish/FRA1/files/Enroll.apk", {"if-none-match": file.headers["etag"]}, {304}),
        ("GET", "/publish/FRA1/files/Enroll.apk", {"range": "bytes=0-9"}, {206}),
        ("GET", "/publish/FRA1/files/Enroll.apk", {"range": "bytes=999999999-"}, {416}),
    ]
    for method, address, headers, statuses in asked:
        answer = client.request(method, address, headers=headers)
        assert answer.status_code in statuses, (method, address, answer.status_code)
        check_headers(answer)
    for address in ("/requests", "/requests/list", "/codes"):
        answer = client.get(address, headers={"hx-request": "true"})
        assert answer.status_code == (401 if who == "stranger" else 200)
        check_headers(answer)
        if etag := answer.headers.get("etag"):
            check_headers(client.get(address, headers={"hx-request": "true", "if-none-match": etag}))


def test_what_is_no_page_is_guessed_and_kept_by_nobody(console: ConsoleDesk) -> None:
    """Answers of the API and of the doors beside the console: their types count, and they are not stored."""
    with console.client() as stranger:
        for address in (
            "/api/v1/requests",
            "/api/v1/nowhere",
            "/settings/FRA1.xml",
            "/settings/NONE1.xml",
            "/healthz",
            "/.well-known/est/FRA1/cacerts",
            "/.well-known/est/NONE1/cacerts",
            "/scep/FRA1?operation=nothing",
            "/scep/FRA1/enroll.mobileconfig",
            "/ca/root.cer",
            "/crl/nothing.crl",
        ):
            headers = stranger.get(address).headers
            assert headers["x-content-type-options"] == "nosniff", address
            assert headers["strict-transport-security"].startswith("max-age="), address
            assert "html" not in headers.get("content-type", ""), address
            assert "access-control-allow-origin" not in headers, address


def forged(client: httpx.Client, route: str, address: str, token: str | None, origin: str) -> httpx.Response:
    """Send a form with a token, or without, in the name of a site."""
    headers = {"origin": origin}
    fields = {} if token is None else {"csrf": token}
    if route in MULTIPART:
        files = {name: (None, value.encode()) for name, value in fields.items()} or {"csv": (None, b"")}
        return client.post(address, files=files, headers=headers)
    return client.post(address, data=fields, headers=headers)


def changing(who: str) -> Iterable[str]:
    """Return the routes that change something and are open to somebody."""
    return [route for route, allowed in ALLOWED.items() if route.startswith("POST ") and who in allowed]


def test_no_form_is_taken_without_its_sessions_token(console: ConsoleDesk, visitors: dict[str, httpx.Client]) -> None:
    """On no route that changes anything: without one, with an empty, a made-up or a neighbour's one."""
    ada = visitors["ada"]
    own, neighbours = (_token(visitors[who]) for who in ("ada", "claire"))
    assert own != neighbours
    for route in changing("ada"):
        address = address_of(route, console)
        for token in (None, "", "x" * 43, own[:-1], neighbours, own.swapcase()):
            answer = forged(ada, route, address, token, console.url)
            assert (answer.status_code, FORGED in answer.text) == (403, True), (route, token)
            check_headers(answer)
    assert forged(ada, "", "/look", own, console.url).status_code == HTTPStatus.SEE_OTHER, "the right one is taken"


@pytest.mark.parametrize("who", ["ada", "stranger"])
def test_no_form_is_taken_from_another_site(console: ConsoleDesk, visitors: dict[str, httpx.Client], who: str) -> None:
    """Even with the right token, and where there is no session yet: nobody is signed in by somebody else's page."""
    client = visitors[who]
    token = "" if who == "stranger" else _token(client)
    for route in changing(who):
        for origin in FOREIGN:
            answer = forged(client, route, address_of(route, console), token, origin)
            assert (answer.status_code, FORGED in answer.text) == (403, True), (route, origin)
            assert "set-cookie" not in answer.headers


def _token(client: httpx.Client) -> str:
    found = _TOKEN.search(client.get("/account").text)
    assert found
    return found[1]


ELSEWHERE = (
    "//evil.example",
    "///evil.example",
    "https://evil.example",
    "https:evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/%5cevil.example",
    "%2f%2fevil.example",
    "/%2fevil.example",
    "/%09/evil.example",
    "/\t/evil.example",
    "/ /evil.example",
    " //evil.example",
    "/..//evil.example",
    "/.//evil.example",
    "//evil.example/%2e%2e",
    "//localhost@evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "/\u2044evil.example",
    "\uff0f\uff0fevil.example",
    "/\r\nlocation: //evil.example",
)


@pytest.mark.asyncio(loop_scope="session")
async def test_nobody_is_led_elsewhere(
    console: ConsoleDesk, visitors: dict[str, httpx.Client], chromium: Browser
) -> None:
    """Wherever an address to go on to is taken, a browser that follows it stays at the desk."""
    ada, stranger = visitors["ada"], visitors["stranger"]
    token = _token(ada)
    locations, proposed = [], []
    with console.server.manager("ada") as with_certificate:
        with_certificate.headers["origin"] = console.server.url
        for address in ELSEWHERE:
            answers = [
                ada.post("/look", data={"csrf": token, "next": address, "theme": ""}),
                ada.get(f"/sign-in?next={quote(address)}"),
                with_certificate.post("/sign-in/certificate", data={"next": address}),
                stranger.get(f"/publish/{quote(address, safe='')}"),
                stranger.get(quote(address) if address.startswith("/") else f"/{quote(address)}"),
            ]
            with_certificate.cookies.clear()
            locations += [answer.headers["location"] for answer in answers if "location" in answer.headers]
            asked = stranger.get(f"/sign-in?next={quote(address)}")
            proposed += re.findall(r'name="next" value="([^"]*)"', asked.text)
    assert len(locations) > 2 * len(ELSEWHERE)
    assert len(proposed) >= len(ELSEWHERE)
    async with visitor(chromium, console.url) as page:
        await page.goto("/sign-in")
        hosts = await page.evaluate(
            "(every) => every.map((one) => new URL(one, location.href).host)", [*locations, *proposed]
        )
    assert set(hosts) == {f"localhost:{console.server.port}"}


def test_a_session_that_was_planted_is_not_the_managers(console: ConsoleDesk) -> None:
    """Whoever signs in gets a new token, whatever cookie the browser had: made up, or an attacker's own session."""
    attackers = console.session("claire")
    for planted in ("A" * 43, attackers):
        with console.server.manager("ada") as ada:
            ada.cookies.set(SESSION_COOKIE, planted)
            headers = {"origin": console.server.url, "cookie": f"{SESSION_COOKIE}={planted}"}
            token = _TOKEN.search(ada.get("/account", headers=headers).text)
            body = {"next": "/"} | ({"csrf": token[1]} if token else {})
            answer = ada.post("/sign-in/certificate", data=body, headers=headers)
            assert answer.status_code == HTTPStatus.SEE_OTHER, answer.text
        cookie = answer.headers["set-cookie"]
        assert re.search(rf"{SESSION_COOKIE}=[\w-]{{43}};", cookie)
        assert planted not in cookie
        assert {"Secure", "HttpOnly", "Path=/"} <= set(cookie.split("; "))
        assert re.search("SameSite=(Lax|Strict)", cookie)
        with console.client() as attacker:
            page = attacker.get("/account", headers={"cookie": f"{SESSION_COOKIE}={planted}"})
        assert "Ada Operator" not in page.text
    console.sessions.pop("claire")


def test_a_session_in_an_address_is_none(console: ConsoleDesk) -> None:
    """A token counts in its cookie only, so no link can give anybody a session."""
    token = console.session("ada")
    with console.client() as stranger:
        for address in (f"/account?{SESSION_COOKIE}={token}", f"/account?session={token}&token={token}"):
            assert not is_let_in(stranger.get(address))
        wrong = {"cookie": f"certdesk={token}", "authorization": f"Bearer {token}"}
        assert not is_let_in(stranger.get("/account", headers=wrong))
