"""Passkeys without a browser: what an authenticator has to prove, and what becomes of one that cannot."""

import base64
import json
import re
from typing import Any

import pytest

from certdesk.console.session import SESSION_COOKIE
from certdesk.domain.clock import MINUTE
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.ra.passkeys import MOST_PASSKEYS, relying_party_of
from certdesk.ra.registry import DESK_URL
from tests.desks import OPERATOR, TestDesk
from tests.integration.authenticators import Authenticator, base64url
from tests.integration.console_calls import URL, Browser, browser, make_console, signed_in, words


@pytest.fixture(autouse=True)
async def named(desk: TestDesk) -> None:
    """Give the desk its URL."""
    await desk.store.organisations.put_property(DESK_URL, URL)


async def register(it: Browser, authenticator: Authenticator, name: str = "Phone", **lies: Any) -> Any:
    """Register a passkey as the page's script does, and return the answer."""
    await it.get("/account")
    options = (await it.post("/account/passkeys/options")).json()
    return await it.post("/account/passkeys", name=name, credential=authenticator.create(options, **lies))


async def sign_in(it: Browser, authenticator: Authenticator, **lies: Any) -> Any:
    """Sign in by a passkey as the page's script does, and return the answer."""
    await it.get("/account")  # for the token of a session that is there already
    options = (await it.post("/sign-in/passkey/options")).json()
    return await it.post("/sign-in/passkey", next="/requests", credential=authenticator.get(options, **lies))


async def claires(desk: TestDesk) -> Authenticator:
    """Return an authenticator with which Claire has registered."""
    authenticator = Authenticator()
    async with signed_in(desk, "claire") as claire:
        assert (await register(claire, authenticator)).json() == {"location": "/account?notice=passkey-added"}
    return authenticator


async def test_a_passkey_signs_in_and_leads_to_the_wanted_page(desk: TestDesk) -> None:
    """The session is by passkey, its token new, and the log says which passkey it was."""
    authenticator = await claires(desk)
    async with browser(make_console(desk)) as it:
        answer = await sign_in(it, authenticator)
        assert answer.json() == {"location": "/requests"}
        assert SESSION_COOKIE in it.client.cookies
        assert "by passkey from" in words(await it.get("/account"))
    events = [sealed.event for sealed in await desk.store.events.of_subject("claire@poste.example")]
    assert [event.action for event in events][-2:] == ["passkey.added", "session.opened"]
    assert events[-1].facts == {"method": "passkey", "passkey": "Phone"}


async def test_the_options_ask_for_a_discoverable_and_verified_credential(desk: TestDesk) -> None:
    """RP ID is the URL's host; the same manager has one user handle, and known credentials are excluded."""
    async with signed_in(desk, "claire") as claire:
        await claire.get("/account")
        first = (await claire.post("/account/passkeys/options")).json()
        assert first["rp"]["id"] == "desk.example"
        assert first["user"]["name"] == "claire@poste.example"
        assert first["authenticatorSelection"]["residentKey"] == "required"
        assert first["authenticatorSelection"]["userVerification"] == "required"
        authenticator = Authenticator()
        await register(claire, authenticator)
        second = (await claire.post("/account/passkeys/options")).json()
        assert second["user"]["id"] == base64url(authenticator.user_handle)
        assert [one["id"] for one in second["excludeCredentials"]] == [base64url(authenticator.credential_id)]
        assert second["excludeCredentials"][0]["transports"] == ["internal", "hybrid"]
    async with browser(make_console(desk)) as it:
        asked = (await it.post("/sign-in/passkey/options")).json()
        assert asked["userVerification"] == "required"
        assert not asked.get("allowCredentials")


async def test_a_challenge_works_once(desk: TestDesk) -> None:
    """The same answer twice opens one session; so does an answer to what was never asked."""
    authenticator = await claires(desk)
    async with browser(make_console(desk)) as it:
        options = (await it.post("/sign-in/passkey/options")).json()
        credential = authenticator.get(options)
        assert (await it.post("/sign-in/passkey", credential=credential)).status_code == 200
        await it.get("/account")
        again = await it.post("/sign-in/passkey", credential=credential)
        assert again.status_code == 401
        assert "took too long, or was sent twice" in again.json()["detail"]
        invented = authenticator.get({"challenge": base64url(b"x" * 32)})
        assert (await it.post("/sign-in/passkey", credential=invented)).status_code == 401


async def test_a_challenge_expires(desk: TestDesk) -> None:
    """Five minutes later it is too late, and the job has cleared it away."""
    authenticator = await claires(desk)
    async with browser(make_console(desk)) as it:
        options = (await it.post("/sign-in/passkey/options")).json()
        desk.time.now += 5 * MINUTE
        assert (await it.post("/sign-in/passkey", credential=authenticator.get(options))).status_code == 401
    assert await desk.ra.forget_challenges()
    assert not await desk.ra.forget_challenges()


async def test_a_challenge_is_for_one_purpose_and_one_manager(desk: TestDesk) -> None:
    """What was given for signing in registers nothing, and what was given to one manager registers none for another."""
    app = make_console(desk)
    async with signed_in(desk, "claire", app) as claire, signed_in(desk, "jonas", app) as jonas:
        await claire.get("/account")
        await jonas.get("/account")
        options = (await claire.post("/account/passkeys/options")).json()
        stolen = await jonas.post("/account/passkeys", name="x", credential=Authenticator().create(options))
        assert stolen.status_code == 401
        asked = (await claire.post("/sign-in/passkey/options")).json() | {"user": options["user"]}
        assert (
            await claire.post("/account/passkeys", name="x", credential=Authenticator().create(asked))
        ).status_code == 401


@pytest.mark.parametrize(
    "lie",
    [
        {"verified": False},
        {"origin": "https://desk.example.evil"},
        {"origin": "http://desk.example"},
        {"rp_id": "evil.example"},
    ],
    ids=["not-verified", "other-origin", "plain-http", "other-rp"],
)
async def test_an_authenticator_must_be_honest(desk: TestDesk, lie: dict[str, Any]) -> None:
    """User verification, origin and RP ID count at registration and at sign-in."""
    async with signed_in(desk, "claire") as claire:
        assert (await register(claire, Authenticator(**lie))).status_code == 401
    authenticator = await claires(desk)
    for name, value in lie.items():
        setattr(authenticator, name, value)
    async with browser(make_console(desk)) as it:
        refused = await sign_in(it, authenticator)
        assert refused.status_code == 401
        assert SESSION_COOKIE not in it.client.cookies


async def test_another_key_or_another_user_is_refused(desk: TestDesk) -> None:
    """The signature must be by the registered key, and the user handle its owner's."""
    authenticator = await claires(desk)
    async with browser(make_console(desk)) as it:
        forged = Authenticator(credential_id=authenticator.credential_id, user_handle=authenticator.user_handle)
        assert (await sign_in(it, forged)).status_code == 401
        assert (await sign_in(it, authenticator, userHandle=base64url(b"y" * 32))).status_code == 401
        assert (await sign_in(it, authenticator, signature=base64url(b"z" * 70))).status_code == 401
        unknown = await sign_in(it, Authenticator(user_handle=b"u"))
        assert unknown.status_code == 401
        assert (await sign_in(it, authenticator)).status_code == 200


async def test_a_counter_that_goes_back_is_refused_and_recorded(desk: TestDesk) -> None:
    """Two authenticators with one key: the second one to be used is turned away, and the log has it."""
    authenticator = await claires(desk)
    async with browser(make_console(desk)) as it:
        for _ in range(3):
            assert (await sign_in(it, authenticator)).status_code == 200
        authenticator.sign_count = 1
        refused = await sign_in(it, authenticator)
        assert refused.status_code == 401
        assert "may have been copied" in refused.json()["detail"]
    events = [sealed.event for sealed in await desk.store.events.of_subject("claire@poste.example")]
    assert events[-1].action == "passkey.refused"


async def test_a_counter_that_stays_zero_is_fine(desk: TestDesk) -> None:
    """Passkeys that are kept in a cloud do not count (WebAuthn §6.1.1)."""
    authenticator = await claires(desk)
    async with browser(make_console(desk)) as it:
        for _ in range(2):
            authenticator.sign_count = -1
            assert (await sign_in(it, authenticator)).status_code == 200


async def test_a_disabled_manager_has_no_use_of_a_passkey(desk: TestDesk) -> None:
    """Nor of a session that it has opened; enabled again, it works again."""
    authenticator = await claires(desk)
    async with browser(make_console(desk)) as it:
        await sign_in(it, authenticator)
        await desk.ra.disable_manager("claire@poste.example", OPERATOR)
        assert (await it.get("/account")).status_code == 303
        assert (await sign_in(it, authenticator)).status_code == 401
        await desk.ra.enable_manager("claire@poste.example", OPERATOR)
        assert (await sign_in(it, authenticator)).status_code == 200


@pytest.mark.parametrize(
    "credential",
    [
        "",
        "{",
        "[]",
        "null",
        '"x"',
        "{}",
        '{"id": 1}',
        json.dumps({"id": "é", "rawId": "é", "type": "public-key", "response": {}}),
        json.dumps(
            {
                "id": "AA",
                "rawId": "AA",
                "type": "public-key",
                "response": {
                    "clientDataJSON": "bm90IGpzb24",
                    "attestationObject": "AA",
                    "authenticatorData": "AA",
                    "signature": "AA",
                },
            }
        ),
        json.dumps(
            {
                "id": "AA",
                "rawId": "AA",
                "type": "public-key",
                "response": {
                    "clientDataJSON": base64url(b'{"type":[],"challenge":7,"origin":{}}'),
                    "attestationObject": "AA",
                    "authenticatorData": "AA",
                    "signature": "AA",
                    "userHandle": 5,
                },
            }
        ),
        "[" * 20_000,
    ],
)
async def test_what_cannot_be_read_is_refused_in_words(desk: TestDesk, credential: str) -> None:
    """Whatever stands in the field, the answer is a sentence and no error of ours."""
    async with signed_in(desk, "claire") as claire:
        await claire.get("/account")
        for address in ("/sign-in/passkey", "/account/passkeys"):
            answer = await claire.post(address, name="x", credential=credential)
            assert answer.status_code == 400
            assert answer.json()["detail"].endswith("try once more.")


async def test_broken_attestations_are_refused(desk: TestDesk) -> None:
    """CBOR that is cut, endless or of other types answers a challenge with nothing."""
    async with signed_in(desk, "claire") as claire:
        for broken in (
            b"",
            b"\xff",
            b"\xa1",
            b"\x9f" * 1000,
            b"\xa3cfmtdnonegattStmt\xa0hauthDataA\x00",
            b"\x1b" + b"\xff" * 8,
        ):
            answer = await register(claire, Authenticator(), attestationObject=base64url(broken))
            assert answer.status_code == 401
        assert "no passkey yet" in words(await claire.get("/account"))


async def test_a_passkey_is_renamed_and_removed_by_its_owner_only(desk: TestDesk) -> None:
    """To anybody else it does not exist; what was named is shown as text."""
    authenticator = await claires(desk)
    field = base64.urlsafe_b64encode(authenticator.credential_id).decode()
    app = make_console(desk)
    async with signed_in(desk, "jonas", app) as jonas, signed_in(desk, "claire", app) as claire:
        await jonas.get("/account")
        for action in ("rename", "remove"):
            assert (await jonas.post(f"/account/passkeys/{action}", passkey=field, name="x")).status_code == 404
        await claire.get("/account")
        renamed = await claire.post("/account/passkeys/rename", passkey=field, name="<i>Büro</i> =1+1 😀")
        assert renamed.status_code == 303
        page = await claire.get("/account")
        assert "<i>Büro</i> =1+1 😀" in words(page)
        assert "<i>B" not in page.text
        wrong = await claire.post("/account/passkeys/rename", passkey=field, name="x" * 65)
        assert wrong.status_code == 422
        assert "At most 64 characters" in words(wrong)
        assert (await claire.post("/account/passkeys/rename", passkey=field, name="a\u202eb")).status_code == 422
        assert (await claire.post("/account/passkeys/remove", passkey=field)).status_code == 303
        assert (await claire.post("/account/passkeys/remove", passkey=field)).status_code == 404
        assert (await claire.post("/account/passkeys/remove", passkey="é")).status_code == 404
    async with browser(app) as it:
        assert (await sign_in(it, authenticator)).status_code == 401


async def test_removing_a_passkey_ends_the_sessions_that_passkeys_opened(desk: TestDesk) -> None:
    """Whoever removes one may have lost it: what it opened elsewhere is closed, this session stays."""
    authenticator = await claires(desk)
    field = base64.urlsafe_b64encode(authenticator.credential_id).decode()
    app = make_console(desk)
    async with browser(app) as elsewhere, browser(app) as here:
        await sign_in(elsewhere, authenticator)
        await sign_in(here, authenticator)
        await here.get("/account")
        await here.post("/account/passkeys/remove", passkey=field)
        assert (await elsewhere.get("/account")).status_code == 303
        assert (await here.get("/account")).status_code == 200


async def test_a_passkey_is_registered_once_and_not_without_end(desk: TestDesk) -> None:
    """The same credential twice is refused, and so is one more than anybody needs."""
    async with signed_in(desk, "claire") as claire:
        authenticator = Authenticator()
        assert (await register(claire, authenticator)).status_code == 200
        twice = await register(claire, authenticator)
        assert twice.status_code == 409
        for number in range(1, MOST_PASSKEYS):
            assert (await register(claire, Authenticator(), f"Key {number}")).status_code == 200
        full = await register(claire, Authenticator())
        assert full.status_code == 409
        assert f"{MOST_PASSKEYS} passkeys are the most" in full.json()["detail"]


async def test_forms_of_other_sites_are_refused(desk: TestDesk) -> None:
    """Origin and token are asked for here as everywhere."""
    async with signed_in(desk, "claire") as claire:
        claire.token = "x"
        assert (await claire.post("/account/passkeys/options")).status_code == 403
    async with browser(make_console(desk)) as it:
        foreign = await it.client.post("/sign-in/passkey/options", headers={"origin": "https://evil.example"})
        assert foreign.status_code == 403


async def test_strangers_may_ask_only_so_often(desk: TestDesk) -> None:
    """Every challenge is a row; the limit says so in words that the script can show."""
    app = make_console(desk, public_calls_per_minute=1, public_calls_at_once=1)
    async with browser(app) as it:
        assert (await it.post("/sign-in/passkey/options")).status_code == 200
        limited = await it.post("/sign-in/passkey/options")
        assert limited.status_code == 429
        assert re.match(r"Too many calls from your address; wait \d+ seconds\.", limited.json()["detail"])


async def test_a_desk_without_a_name_has_no_passkeys(desk: TestDesk) -> None:
    """An RP ID is a domain; at an address the script is told so in words."""
    await desk.store.organisations.put_property(DESK_URL, "https://192.0.2.1:8443")
    async with browser(make_console(desk)) as it:
        answer = await it.post("/sign-in/passkey/options")
        assert answer.status_code == 409
        assert "192.0.2.1" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("url", "party"),
    [
        ("https://desk.example.org", ("desk.example.org", "https://desk.example.org")),
        ("https://desk.example.org:8443", ("desk.example.org", "https://desk.example.org:8443")),
        ("https://localhost:8443", ("localhost", "https://localhost:8443")),
    ],
)
def test_the_relying_party_is_the_desk(url: str, party: tuple[str, str]) -> None:
    """The RP ID has no port, the origin has it."""
    found = relying_party_of(url)
    assert (found.id, found.origin) == party


@pytest.mark.parametrize("url", ["https://127.0.0.1:8443", "https://[::1]:8443"])
def test_an_address_is_no_relying_party(url: str) -> None:
    """WebAuthn wants a domain."""
    with pytest.raises(CertdeskError) as refused:
        relying_party_of(url)
    assert refused.value.kind is ErrorKind.CONFLICT
